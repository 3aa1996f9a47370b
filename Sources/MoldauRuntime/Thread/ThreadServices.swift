import MoldauRecords
import MoldauState
import MoldauTopology

/// What a task needs from the thread that owns it.
package struct ThreadServices {
    package let names: InternalTopicNames
    package let configuration: StreamsConfiguration
    package let outbox: Outbox
    /// The thread's copies of the global tables, by name.
    package let globalStores: [any StateStore]
    /// By the topics' names in the cluster: a task reads no partition that does not exist. nil: every topic has the
    /// task's partition.
    package let partitionCounts: [String: Int32]?
    /// The topics' ids, as far as the cluster has them.
    package let topicIDs: [String: TopicID]
    /// Ends the thread's wait for records; may be called from any thread.
    package let wake: @Sendable () -> Void

    package init(
        names: InternalTopicNames, configuration: StreamsConfiguration, outbox: Outbox,
        globalStores: [any StateStore] = [], partitionCounts: [String: Int32]? = nil,
        topicIDs: [String: TopicID] = [:],
        wake: @escaping @Sendable () -> Void = {}
    ) {
        self.partitionCounts = partitionCounts
        self.topicIDs = topicIDs
        self.wake = wake
        self.names = names
        self.configuration = configuration
        self.outbox = outbox
        self.globalStores = globalStores
    }

    /// Whether the cluster has the partition: a task's topics may differ in their numbers of partitions.
    func holds(_ partition: TopicPartition) -> Bool {
        partitionCounts.map { $0[partition.topic] ?? 0 > partition.partition.number } ?? true
    }
}
