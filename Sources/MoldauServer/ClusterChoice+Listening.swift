public import MoldauCluster
internal import MoldauClusterEmbedded
public import MoldauLog

extension ClusterChoice {
    /// Like `embedded(at:)`, but any Kafka client can use the broker while the application runs.
    ///
    /// ```swift
    /// let app = StreamsApplication(
    ///     id: "word-count", topology: topology, cluster: .embedded(at: "data", listening: .localhost(9092)))
    /// ```
    ///
    /// The address is logged, and written to the file `topics/listening` of the directory.
    /// - Parameters:
    ///   - directory: contains topics and state.
    ///   - address: where clients connect; with port 0 the system chooses one.
    ///   - durability: when a record counts as written.
    ///   - newTopicPartitions: missing topics are created with this many partitions; nil makes missing topics an error
    ///     that names them.
    ///   - options: the server's limits.
    public static func embedded(
        at directory: String, listening address: ListenAddress, durability: Durability = .sync,
        newTopicPartitions: Int32? = 1, options: ServerOptions = ServerOptions()
    ) -> ClusterChoice {
        embedded(at: directory, durability: durability, newTopicPartitions: newTopicPartitions) { cluster in
            let server = try BrokerServer(of: cluster, listening: [address], options: options)
            try server.startNow()
            return { server.stopNow() }
        }
    }
}
