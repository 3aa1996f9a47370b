import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// Restores a store from the topic that its table reads: records are applied as when they were processed, through
/// serdes and extractors, but nothing is forwarded downstream and no drop is counted again.
package final class SourceRestore {
    private let context: TaskContext
    private let nodeContext: NodeContext
    private let makeQueue: () -> PartitionQueue
    private var queue: PartitionQueue

    init(
        _ changelog: SourceChangelog, of store: any StateStore, task: TaskID, services: ThreadServices,
        now: RoundTime
    ) throws {
        context = TaskContext(
            applicationID: services.names.applicationID, taskID: task, outbox: services.outbox, now: now,
            onFailure: services.configuration.onProcessingFailure)
        context.add(store)
        nodeContext = NodeContext(
            node: changelog.source, task: context, children: [], stores: [changelog.store], storeOrder: [:])
        nodeContext.headTopic = services.names.topic(changelog.topic)
        let judge = services.configuration.onDeserializationFailure
        let head = try changelog.makeHead(nodeContext)
        makeQueue = { [context] in
            PartitionQueue(
                partition: TopicPartition(services.names.topic(changelog.topic), task.partition),
                node: changelog.source, source: head, context: context, outbox: services.outbox,
                onFailure: { failure in
                    // The dead-letter topic already has the record, from when it was processed.
                    if case .fail = judge(failure) { .fail } else { .skip }
                })
        }
        queue = makeQueue()
    }

    var partition: TopicPartition { queue.partition }

    /// Whether all added records have been applied.
    var isEmpty: Bool { queue.isEmpty }

    /// The offset of the first record that is not applied; nil before any were added.
    var position: Offset? { queue.position }

    /// - Throws: `DeserializationFailure` if the handler decides so.
    func add(_ batches: FetchedBatches) throws { try queue.add(batches) }

    /// Applies added records below the offset `limit`; the rest is kept for the next call.
    /// - Returns: the first offset that the store does not contain now, and the number of records applied.
    /// - Throws: `DeserializationFailure` if the handler decides so.
    func takeIn(upTo limit: Offset) throws -> (end: Offset, count: Int64) {
        var count: Int64 = 0
        while let head = queue.head, head.offset < limit {
            try queue.processHead()
            count += 1
        }
        return (queue.isEmpty ? min(queue.position ?? limit, limit) : limit, count)
    }

    /// Discards added records that are not applied.
    func reset() { queue = makeQueue() }
}
