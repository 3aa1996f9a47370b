import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// Restores a store from the topic that its table reads: records go into the store by the way that they went in when they
/// were processed, through serdes and extractors, but nothing is sent on and no discard is counted again.
package final class SourceRestore {
    private let context: TaskContext
    private let nodeContext: NodeContext
    private let queue: PartitionQueue

    init(
        _ changelog: SourceChangelog, of store: any StateStore, task: TaskID, surroundings: TaskSurroundings,
        now: Timestamp
    ) throws {
        context = TaskContext(
            applicationID: surroundings.names.applicationID, taskID: task, outbox: surroundings.outbox, now: now,
            onFailure: surroundings.configuration.onProcessingFailure)
        context.add(store)
        nodeContext = NodeContext(
            node: changelog.source, task: context, children: [], stores: [changelog.store], storeOrder: [:])
        nodeContext.headTopic = surroundings.names.topic(changelog.topic)
        let judge = surroundings.configuration.onDeserializationFailure
        queue = PartitionQueue(
            partition: TopicPartition(surroundings.names.topic(changelog.topic), task.partition),
            node: changelog.source, source: try changelog.makeHead(nodeContext), context: context,
            outbox: surroundings.outbox,
            onFailure: { failure in
                // The dead-letter topic has the record since it was processed.
                if case .fail = judge(failure) { .fail } else { .skip }
            })
    }

    var partition: TopicPartition { queue.partition }

    /// Takes in what lies below `limit`.
    /// - Returns: the offset up to which the store now is, and how many records it took.
    /// - Throws: `DeserializationFailure` where the handler says so.
    func takeIn(_ batches: FetchedBatches, upTo limit: Offset) throws -> (end: Offset, count: Int64) {
        var count: Int64 = 0
        try queue.add(batches)
        while let head = queue.head, head.offset < limit {
            try queue.processHead()
            count += 1
        }
        return (queue.isEmpty ? min(queue.position ?? limit, limit) : limit, count)
    }
}
