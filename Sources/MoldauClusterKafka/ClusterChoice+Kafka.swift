@_exported public import MoldauClusterEmbedded

extension ClusterChoice {
    /// An Apache Kafka cluster, or whatever speaks its protocol. Any number of processes may run the application: they
    /// share its work.
    ///
    /// ```swift
    /// let app = StreamsApplication(
    ///     id: "word-count", topology: topology, cluster: .kafka("broker1:9092,broker2:9092"))
    /// ```
    /// - Parameters:
    ///   - servers: some of the cluster's brokers, `HOST:PORT`, separated by commas. Kafka's `bootstrap.servers`.
    ///   - stateDirectory: where this process keeps its state, for each application a directory in it; nil keeps all
    ///     state in memory.
    ///   - newTopicPartitions: missing input and output topics are created with this many partitions; nil makes them an
    ///     error that names them.
    public static func kafka(
        _ servers: String, stateDirectory: String? = "state", newTopicPartitions: Int32? = nil,
        options: KafkaOptions = KafkaOptions()
    ) -> ClusterChoice {
        ClusterChoice(stateDirectory: stateDirectory, newTopicPartitions: newTopicPartitions) { _ in
            try KafkaCluster(servers, options: options)
        }
    }
}
