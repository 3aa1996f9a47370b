import MoldauCluster
import MoldauRecords
import MoldauTopology
import Synchronization

/// The board on which the threads of a process publish the progress of their tasks, for other tasks that keep in step
/// with them.
///
/// A mark is a time: all results of earlier records have been sent. `idle` if the task has no records, `unknown` until
/// that is known.
package final class PaceBoard: Sendable {
    /// The task has no records to take.
    static let idle = Int64.max
    /// Records of any time may arrive.
    static let unknown = Int64.min

    private final class Mark: Sendable { let time = Atomic<Int64>(PaceBoard.idle) }

    package let rules: [Int: PaceRule]
    private let marks: [TaskID: Mark]
    /// The wake-ups of threads that wait for others to make progress, by thread number.
    private let waiting = Mutex<[Int: Wakeup]>([:])
    private let hasWaiting = Atomic<Bool>(false)

    /// - Parameter partitionCounts: by the names of topics in the cluster.
    package init(_ topology: Topology, names: InternalTopicNames, partitionCounts: [String: Int32]) {
        rules = topology.paceRules
        let marked = rules.values.reduce(into: Set<Int>()) { $0.formUnion($1.siblings.union($1.upstream)) }
        var marks: [TaskID: Mark] = [:]
        for part in topology.subtopologies where marked.contains(part.number) {
            let count = part.sourceTopics.compactMap { partitionCounts[names.topic($0)] }.max() ?? 0
            for number in 0..<count { marks[TaskID(subtopology: part.number, partition: Partition(number))] = Mark() }
        }
        self.marks = marks
    }

    /// The tasks of those sub-topologies, in order.
    func tasks(of parts: Set<Int>) -> [TaskID] { marks.keys.filter { parts.contains($0.subtopology) }.sorted() }

    /// Resets all marks before tasks start: until each task publishes its own, others wait for it.
    package func expectAll() { for mark in marks.values { mark.time.store(Self.unknown, ordering: .relaxed) } }

    /// Makes others wait for these tasks until they publish their own marks, if they were not known before. Tasks not
    /// among them belong to other processes: no one waits for these.
    func expect(_ tasks: Set<TaskID>, besides known: Set<TaskID>) {
        for (task, mark) in marks where !(tasks.contains(task) && known.contains(task)) {
            mark.time.store(tasks.contains(task) ? Self.unknown : Self.idle, ordering: .relaxed)
        }
        wakeWaiting()
    }

    /// - Returns: whether the mark has changed.
    func publish(_ task: TaskID, _ time: Int64) -> Bool {
        guard let mark = marks[task] else { return false }
        return mark.time.exchange(time, ordering: .sequentiallyConsistent) != time
    }

    /// Requests a wake-up when others have made progress. Must be called before their marks are read, so that no change
    /// is missed.
    func await(_ number: Int, _ wakeup: Wakeup) {
        waiting.withLock { $0[number] = wakeup }
        hasWaiting.store(true, ordering: .sequentiallyConsistent)
    }

    /// Wakes the waiting threads, after marks were published.
    func wakeWaiting() {
        guard hasWaiting.exchange(false, ordering: .sequentiallyConsistent) else { return }
        let woken = waiting.withLock { waiting in
            defer { waiting = [:] }
            return waiting.values.map(\.self)
        }
        for wakeup in woken { wakeup.signal() }
    }

    func time(of task: TaskID) -> Int64 { marks[task]?.time.load(ordering: .acquiring) ?? Self.idle }
}
