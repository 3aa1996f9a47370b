public import MoldauCluster
import MoldauRecords

/// How far an application is behind the ends of the topics that it reads. Used by one thread.
public final class ApplicationLag {
    private let applicationID: String
    private let inputs: [String]
    private let admin: any Admin
    private let consumer: any Consumer

    /// - Parameter inputs: the topics that others write and the application reads; its repartition topics are known.
    public init(_ cluster: any Cluster, applicationID: String, inputs: [String]) throws {
        self.applicationID = applicationID
        self.inputs = inputs
        admin = try cluster.makeAdmin(clientID: "\(applicationID)-lag")
        consumer = try cluster.makeConsumer(ConsumerOptions(clientID: "\(applicationID)-lag", group: applicationID))
    }

    deinit {
        consumer.close()
        admin.close()
    }

    /// Whether the positions that the application has committed are the ends of all that it reads: everything is
    /// processed then, and its results are written.
    public func isZero() throws -> Bool {
        // An application commits what it read behind what came of it, so inputs are looked at first.
        guard try inputLag().left == 0 else { return false }
        let internalTopics = try admin.topics().filter {
            $0.name.hasPrefix("\(applicationID)-") && $0.name.hasSuffix("-repartition")
        }
        return try lag(of: internalTopics).left == 0
    }

    /// Records of the inputs that are not processed and committed, and all of them.
    public func inputLag() throws -> (left: Int64, all: Int64) {
        try lag(of: Array(admin.describe(Set(inputs)).values))
    }

    private func lag(of topics: [TopicDescription]) throws -> (left: Int64, all: Int64) {
        let partitions = Set(
            topics.flatMap { topic in (0..<topic.partitionCount).map { TopicPartition(topic.name, $0) } })
        let bounds = try consumer.bounds(of: partitions)
        // With what is not readable yet: a commit's positions are seen a moment before the records that it makes readable.
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
