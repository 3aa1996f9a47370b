import MoldauCluster
import MoldauRecords
import MoldauTopology
import Synchronization

/// Where the threads of a process write how far their tasks are, for those that keep step with them.
///
/// A mark is a time: what a task made of all records before it has been sent. `idle` where it has none, `unknown` before that can be told.
package final class PaceBoard: Sendable {
    /// Nothing waits to be taken.
    static let idle = Int64.max
    /// There may be records of any time.
    static let unknown = Int64.min

    private final class Mark: Sendable { let time = Atomic<Int64>(PaceBoard.idle) }

    package let rules: [Int: PaceRule]
    private let marks: [TaskID: Mark]
    /// How to wake the threads that wait for others to move on, by their numbers.
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

    /// All tasks are to begin: those that do not wait for those that have not.
    package func expectAll() { for mark in marks.values { mark.time.store(Self.unknown, ordering: .relaxed) } }

    /// - Returns: whether that is news.
    func publish(_ task: TaskID, _ time: Int64) -> Bool {
        guard let mark = marks[task] else { return false }
        return mark.time.exchange(time, ordering: .sequentiallyConsistent) != time
    }

    /// Has a thread woken when others have moved on. Before it looks how far they are: then it misses nothing.
    func await(_ number: Int, _ wakeup: Wakeup) {
        waiting.withLock { $0[number] = wakeup }
        hasWaiting.store(true, ordering: .sequentiallyConsistent)
    }

    /// Wakes the threads that wait, after marks were published.
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
