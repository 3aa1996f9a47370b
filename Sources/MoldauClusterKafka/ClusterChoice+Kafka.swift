@_exported public import struct MoldauCluster.ClusterChoice
public import MoldauCluster

extension ClusterChoice {
    /// An Apache Kafka cluster, or any other that speaks its protocol. Any number of processes may run the application
    /// and share its work.
    ///
    /// ```swift
    /// let app = StreamsApplication(
    ///     id: "word-count", topology: topology, cluster: .kafka("broker1:9092,broker2:9092"))
    /// ```
    /// - Parameters:
    ///   - servers: some of the cluster's brokers, `HOST:PORT`, separated by commas. Kafka's `bootstrap.servers`.
    ///   - stateDirectory: where this process keeps its state, with a directory in it for each application; nil keeps
    ///     all state in memory.
    ///   - newTopicPartitions: creates missing input and output topics with this many partitions; nil makes missing
    ///     topics an error that names them.
    ///   - options: how to connect and log in, and how clients behave.
    public static func kafka(
        _ servers: String, stateDirectory: String? = "state", newTopicPartitions: Int32? = nil,
        options: KafkaOptions = KafkaOptions()
    ) -> ClusterChoice {
        ClusterChoice(stateDirectory: stateDirectory, newTopicPartitions: newTopicPartitions) { _, _ in
            let cluster = try KafkaCluster(servers, options: options)
            return OpenCluster(port: cluster, close: cluster.close)
        }
    }
}
