import Foundation
import Moldau

/// Creates a data directory: topics and state of `OldTopology`.
///
///     OldData DIR
///
/// `Directory` was created by the code as it was before stores recorded how they are laid out; it is never created
/// again.
@main
public enum OldData {
    /// The directory created by the old code. Tests work on a copy.
    public static var directory: String { Bundle.module.path(forResource: "Directory", ofType: nil) ?? "" }

    static func main() throws {
        guard let directory = CommandLine.arguments.dropFirst().first else {
            throw OldDataFailure(message: "which directory?")
        }
        let cluster = try EmbeddedCluster(directory: directory + "/topics")
        try cluster.makeAdmin().create(OldTopology.topics.map { NewTopic($0, partitionCount: 1) })
        try write(to: cluster)
        try cluster.close()
        let app = StreamsApplication(
            id: OldTopology.application, topology: try OldTopology.make(), cluster: .embedded(at: directory),
            configuration: OldTopology.configuration)
        try app.start()
        let limit = Date() + 30
        while app.metrics.processedRecords < 8, Date() < limit { Thread.sleep(forTimeInterval: 0.05) }
        Thread.sleep(forTimeInterval: 1)
        try app.stop()
    }

    /// Writes tables before the records that are joined with them.
    private static func write(to cluster: EmbeddedCluster) throws {
        let start = OldTopology.start
        try send([("a", "Ada", start), ("b", "Bob", start)], to: OldTopology.users, cluster)
        try send(
            [("a", "1", start), ("a", "2", start + .seconds(600)), ("b", "7", start)], to: OldTopology.prices, cluster)
        try send([("a", "Austria", start), ("b", "Bohemia", start)], to: OldTopology.countries, cluster)
        try send(
            [
                ("a", "x", start + .seconds(60)), ("a", "x", start + .seconds(120)), ("b", "x", start + .seconds(180)),
                ("a", "x", start + .seconds(700)),
            ], to: OldTopology.clicks, cluster)
        try send(
            [("o1", "order1", start + .seconds(60)), ("o2", "order2", start + .seconds(120))], to: OldTopology.orders,
            cluster)
        try send([("o1", "payment1", start + .seconds(90))], to: OldTopology.payments, cluster)
    }

    /// Appends records to partition 0 of a topic.
    public static func send(
        _ records: [(key: String, value: String, time: Timestamp)], to topic: Topic<String, String>,
        _ cluster: EmbeddedCluster
    ) throws {
        let producer = try cluster.makeProducer(clientID: "old")
        var builder = RecordBatchBuilder()
        for record in records {
            Array(record.key.utf8).withUnsafeBytes { key in
                Array(record.value.utf8).withUnsafeBytes { value in
                    builder.append(key: key, value: value, timestamp: record.time)
                }
            }
        }
        try producer.send(builder.finish(), to: TopicPartition(topic.name, 0))
        try producer.flush()
        producer.close()
    }
}

struct OldDataFailure: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}
