import MoldauClient
import MoldauCluster
import MoldauClusterKafka

/// Which brokers have a partition.
struct PartitionPlace {
    /// The broker that leads it; nil if there is none now.
    let leader: Int32?
    /// The brokers with replicas.
    let replicas: [Int32]
    /// The in-sync replicas.
    let inSync: [Int32]

    /// A directory is a cluster of one broker.
    private static let directory = PartitionPlace(leader: 1, replicas: [1], inSync: [1])

    /// The partitions of topics, by topic and in the order of their numbers. Topics deleted in the meantime are
    /// missing.
    static func all(
        of topics: [TopicDescription], in cluster: any ClusterPort
    ) throws -> [String: [PartitionPlace]] {
        guard let kafka = cluster as? KafkaCluster else {
            return topics.reduce(into: [:]) { places, topic in
                places[topic.name] = Array(repeating: directory, count: Int(topic.partitionCount))
            }
        }
        let (questions, names) = (kafka.questions, topics.map(\.name))
        return try waiting { try await questions.describeTopics(names) }.compactMapValues { outcome in
            if case .failure(.unknownTopic) = outcome { return nil }
            return try outcome.get().partitions.map {
                PartitionPlace(leader: $0.leader, replicas: $0.replicas, inSync: $0.inSyncReplicas)
            }
        }
    }
}
