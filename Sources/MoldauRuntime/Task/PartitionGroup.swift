import MoldauCluster
import MoldauRecords

/// Chooses a task's next record: from the queue whose head is oldest.
///
/// Equal times are ordered by a heap that behaves like Java's `PriorityQueue`, so that a run under the test driver
/// takes records in the same order as Kafka Streams.
package struct PartitionGroup {
    package let queues: [PartitionQueue]

    private let indexes: [TopicPartition: Int]
    private let idling: TaskIdling
    /// The queues that are not empty, ordered by the time of their heads. Not used if there is only one queue.
    private var heap: [PartitionQueue] = []
    /// Since when the task has been waiting for an empty queue that has caught up.
    private var idleSince: [TopicPartition: Duration] = [:]

    package init(_ queues: [PartitionQueue], idling: TaskIdling) {
        self.queues = queues
        self.idling = idling
        indexes = Dictionary(uniqueKeysWithValues: queues.enumerated().map { ($0.element.partition, $0.offset) })
        heap.reserveCapacity(queues.count)
    }

    /// The queue of a partition; nil if the task does not read it.
    package func queue(of partition: TopicPartition) -> PartitionQueue? { indexes[partition].map { queues[$0] } }

    private var isSingle: Bool { queues.count == 1 }

    package var isEmpty: Bool { isSingle ? queues[0].isEmpty : heap.isEmpty }

    /// - Precondition: the partition belongs to this group.
    package mutating func add(_ batches: FetchedBatches) throws {
        guard let queue = queue(of: batches.partition) else {
            preconditionFailure("batches of \(batches.partition) came to a task that does not read it")
        }
        let wasEmpty = queue.isEmpty
        try queue.add(batches)
        if wasEmpty && !queue.isEmpty { offer(queue) }
    }

    /// Whether a record may be taken: every queue has one, or the time to wait for the empty ones has passed.
    package mutating func isReady(now: Duration) -> Bool {
        if isSingle { return !queues[0].isEmpty }
        if heap.count == queues.count || heap.isEmpty || idling == .never { return !heap.isEmpty }
        for queue in queues {
            guard queue.isEmpty else {
                if !idleSince.isEmpty { idleSince[queue.partition] = nil }
                continue
            }
            guard queue.isCaughtUp else { return false }
            guard case .upTo(let wait) = idling else { continue }
            let since = idleSince[queue.partition] ?? now
            idleSince[queue.partition] = since
            if now < since + wait { return false }
        }
        return true
    }

    /// The partitions that the task waits for: their queues are empty, and the cluster is known to hold more.
    package var awaited: [TopicPartition] { queues.filter { $0.isEmpty && !$0.isCaughtUp }.map(\.partition) }

    /// The partitions without records that block the records of others. The end of the wait is nil if it ends with a
    /// record, or when the cluster is known to have no more.
    func blocking(now: Duration) -> [(partition: TopicPartition, until: Duration?)] {
        guard !isSingle, !heap.isEmpty, idling != .never else { return [] }
        return queues.filter(\.isEmpty).compactMap { queue in
            guard queue.isCaughtUp else { return (queue.partition, nil) }
            guard case .upTo(let wait) = idling, let since = idleSince[queue.partition], now < since + wait else {
                return nil
            }
            return (queue.partition, since + wait)
        }
    }

    /// The time of the oldest head. Only meaningful if there is one.
    package var headTime: Timestamp { isSingle ? queues[0].headTime : heap.first?.headTime ?? .none }

    /// The task's progress, for those that keep in step with it: see `PaceBoard`.
    var low: Int64 {
        if idling != .never, queues.contains(where: { $0.isEmpty && !$0.isCaughtUp }) { return PaceBoard.unknown }
        return isEmpty ? PaceBoard.idle : min(headTime.ms, PaceBoard.idle - 1)
    }

    /// Takes the queue with the oldest head. After the head was processed, the queue must be returned by `putBack`.
    package mutating func take() -> PartitionQueue? {
        if isSingle { return queues[0].isEmpty ? nil : queues[0] }
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty { siftDown(last) }
        return first
    }

    /// Whether queues other than the one that was taken have a head.
    package var hasOthers: Bool { !isSingle && !heap.isEmpty }

    /// Returns a queue that was taken; an empty one is left out.
    package mutating func putBack(_ queue: PartitionQueue) { if !queue.isEmpty { offer(queue) } }

    private mutating func offer(_ queue: PartitionQueue) {
        if isSingle { return }
        var index = heap.count
        heap.append(queue)
        while index > 0 {
            let parent = (index - 1) / 2
            if queue.headTime >= heap[parent].headTime { break }
            heap[index] = heap[parent]
            index = parent
        }
        heap[index] = queue
    }

    /// Puts `queue` in the place of the root.
    private mutating func siftDown(_ queue: PartitionQueue) {
        var index = 0
        let half = heap.count / 2
        while index < half {
            var child = 2 * index + 1
            if child + 1 < heap.count, heap[child].headTime > heap[child + 1].headTime { child += 1 }
            if queue.headTime <= heap[child].headTime { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = queue
    }
}
