import MoldauCluster
import MoldauRecords

/// Keeps the consumer from fetching partitions further of which too much is buffered.
struct Backpressure {
    private let consumer: any Consumer
    private let limitBytes: Int
    private var pausedPartitions: Set<TopicPartition> = []

    /// - Parameter limitBytes: may be buffered of one partition.
    init(_ consumer: any Consumer, limitBytes: Int) { (self.consumer, self.limitBytes) = (consumer, limitBytes) }

    /// A task has taken batches of a partition.
    mutating func took(_ partition: TopicPartition, by task: StreamTask) {
        guard task.bufferedBytes(of: partition) > limitBytes else { return }
        pausedPartitions.insert(partition)
        consumer.pause([partition])
    }

    /// Lets the consumer fetch partitions again of which less is buffered now.
    /// - Parameter owners: the tasks that read the partitions.
    mutating func resume(_ owners: [TopicPartition: StreamTask]) {
        guard !pausedPartitions.isEmpty else { return }
        let free = pausedPartitions.filter { owners[$0]?.bufferedBytes(of: $0) ?? 0 <= limitBytes }
        guard !free.isEmpty else { return }
        pausedPartitions.subtract(free)
        consumer.resume(free)
    }

    /// Nobody here reads these any more.
    mutating func forget(_ partitions: [TopicPartition]) { pausedPartitions.subtract(partitions) }
}
