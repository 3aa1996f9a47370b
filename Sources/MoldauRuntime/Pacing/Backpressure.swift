import MoldauCluster
import MoldauRecords

/// Pauses fetching of partitions that have too much buffered.
struct Backpressure {
    private let consumer: any Consumer
    private let limitBytes: Int
    private var pausedPartitions: Set<TopicPartition> = []

    /// - Parameter limitBytes: how much may be buffered per partition.
    init(_ consumer: any Consumer, limitBytes: Int) { (self.consumer, self.limitBytes) = (consumer, limitBytes) }

    /// Called after a task has taken batches of a partition: pauses it if too much is buffered.
    mutating func took(_ partition: TopicPartition, by task: StreamTask) {
        guard task.bufferedBytes(of: partition) > limitBytes else { return }
        pausedPartitions.insert(partition)
        consumer.pause([partition])
    }

    /// Resumes fetching of partitions that have less buffered now.
    /// - Parameter owners: the tasks that read the partitions.
    mutating func resume(_ owners: [TopicPartition: StreamTask]) {
        guard !pausedPartitions.isEmpty else { return }
        let free = pausedPartitions.filter { owners[$0]?.bufferedBytes(of: $0) ?? 0 <= limitBytes }
        guard !free.isEmpty else { return }
        pausedPartitions.subtract(free)
        consumer.resume(free)
    }

    /// Called when this thread no longer reads the partitions.
    mutating func forget(_ partitions: [TopicPartition]) { pausedPartitions.subtract(partitions) }
}
