public import MoldauCluster
public import MoldauLog

extension ClusterChoice {
    /// A broker in this process, in its own directory: topics in `topics`, state in `state`. It is opened when the
    /// application starts, and closed with it.
    /// - Parameter newTopicPartitions: missing topics are created with this many partitions; nil makes missing topics
    ///   an error that names them.
    /// - Parameter directory: contains topics and state.
    /// - Parameter durability: when a record counts as written.
    public static func embedded(
        at directory: String, durability: Durability = .sync, newTopicPartitions: Int32? = 1
    ) -> ClusterChoice {
        embedded(at: directory, durability: durability, newTopicPartitions: newTopicPartitions) { _ in {} }
    }

    /// Like `embedded(at:)`, with something that uses the cluster while the application runs, for example a server.
    /// - Parameter begin: called with the open cluster; its result is called before the cluster is closed, and blocks
    ///   until the cluster is no longer used.
    package static func embedded(
        at directory: String, durability: Durability, newTopicPartitions: Int32?,
        beside begin: @escaping @Sendable (EmbeddedCluster) throws -> @Sendable () -> Void
    ) -> ClusterChoice {
        ClusterChoice(stateDirectory: "\(directory)/state", newTopicPartitions: newTopicPartitions) { clock, logger in
            let cluster = try EmbeddedCluster(
                directory: "\(directory)/topics", durability: durability, clock: clock, logger: logger)
            do {
                let end = try begin(cluster)
                return OpenCluster(port: cluster) {
                    end()
                    try cluster.close()
                }
            } catch {
                try? cluster.close()
                throw error
            }
        }
    }
}
