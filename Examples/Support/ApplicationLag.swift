public import MoldauCluster
import MoldauRecords

/// Measures how far an application is behind the ends of the topics that it reads. Used by one thread.
public final class ApplicationLag {
    private let applicationID: String
    private let inputs: [String]
    private let admin: any Admin
    private let consumer: any Consumer

    /// - Parameter inputs: the topics that others write and the application reads. Its repartition topics are found by
    ///   their names.
    public init(_ cluster: any Cluster, applicationID: String, inputs: [String]) throws {
        self.applicationID = applicationID
        self.inputs = inputs
        admin = try cluster.makeAdmin()
        consumer = try cluster.port.makeConsumer(
            ConsumerOptions(clientID: "\(applicationID)-lag", group: applicationID))
    }

    deinit {
        consumer.close()
        admin.close()
    }

    /// Whether the application's committed positions have reached the ends of all topics that it reads: then everything
    /// is processed and all results are written.
    public func isZero() throws -> Bool {
        // An application commits its input positions after the results of that input, so the inputs are checked first.
        guard try inputLag().left == 0 else { return false }
        let internalTopics = try admin.topics().filter {
            $0.name.hasPrefix("\(applicationID)-") && $0.name.hasSuffix("-repartition")
        }
        return try lag(of: internalTopics).left == 0
    }

    /// The number of input records that are not processed and committed yet, and the number of all input records.
    public func inputLag() throws -> (left: Int64, all: Int64) {
        try lag(of: Array(admin.describe(Set(inputs)).values))
    }

    private func lag(of topics: [TopicDescription]) throws -> (left: Int64, all: Int64) {
        let partitions = Set(
            topics.flatMap { topic in (0..<topic.partitionCount).map { TopicPartition(topic.name, $0) } })
        let bounds = try consumer.bounds(of: partitions)
        // Includes records that are not readable yet: a commit's positions become visible a moment before the records
        // that it makes readable.
        let ends = try consumer.ends(of: partitions)
        let committed = try consumer.committed(partitions)
        return bounds.reduce(into: (0, 0)) { sum, entry in
            let (partition, held) = entry
            let end = max(ends[partition] ?? .zero, held.upperBound)
            sum.0 += max(0, end - max(committed[partition]?.offset ?? .zero, held.lowerBound))
            sum.1 += end - held.lowerBound
        }
    }
}
