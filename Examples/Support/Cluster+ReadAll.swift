package import MoldauCluster
import MoldauRecords

extension ClusterPort {
    /// Reads everything that the topic holds at the time of the call, partition by partition in order. Blocks; ends
    /// early when nothing comes for a while.
    package func readAll(_ topic: String, _ body: (FetchedBatches) throws -> Void) throws {
        let consumer = try makeConsumer(clientID: "reader")
        let admin = try makeAdmin()
        defer {
            consumer.close()
            admin.close()
        }
        guard let count = try admin.describe([topic])[topic]?.partitionCount else {
            throw ClusterError.unknownTopic(topic)
        }
        let bounds = try consumer.bounds(of: Set((0..<count).map { TopicPartition(topic, $0) }))
        try consumer.assign(Set(bounds.keys))
        for (partition, held) in bounds { try consumer.seek(partition, to: held.lowerBound) }
        while bounds.contains(where: { consumer.position($0.key) ?? .zero < $0.value.upperBound }) {
            // A cluster in this process has all of it at hand.
            let fetched = try consumer.poll(wait: .seconds(10))
            if fetched.isEmpty { return }
            for batches in fetched { try body(batches) }
        }
    }
}
