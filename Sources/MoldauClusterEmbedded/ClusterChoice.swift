package import Logging
public import MoldauCluster
public import MoldauLog

/// The cluster that an application uses, and the directory of its state.
public struct ClusterChoice: Sendable {
    /// How the application gets its cluster.
    package enum Kind: Sendable {
        case directory(String, Durability)
        case given(any ClusterPort)
        case opened(@Sendable (Logger) throws -> any OwnedCluster)
    }

    package let kind: Kind
    package let stateDirectory: String?
    package let newTopicPartitions: Int32?
    /// Creates the companion of an embedded cluster, which runs while the application uses it.
    package var companion: (@Sendable (EmbeddedCluster) throws -> any ClusterCompanion)?

    /// A broker in this process, in its own directory: topics in `topics`, state in `state`. It is opened when the
    /// application starts, and closed with it.
    /// - Parameter newTopicPartitions: missing topics are created with this many partitions; nil makes missing topics
    ///   an error that names them.
    /// - Parameter directory: contains topics and state.
    /// - Parameter durability: when a record counts as written.
    public static func embedded(
        at directory: String, durability: Durability = .sync, newTopicPartitions: Int32? = 1
    ) -> ClusterChoice {
        ClusterChoice(
            kind: .directory("\(directory)/topics", durability), stateDirectory: "\(directory)/state",
            newTopicPartitions: newTopicPartitions)
    }

    /// An open cluster, which the application does not close.
    /// - Parameter stateDirectory: each application has a directory in it; nil keeps all state in memory.
    /// - Parameter cluster: contains the topics.
    public static func cluster(_ cluster: any Cluster, stateDirectory: String?) -> ClusterChoice {
        ClusterChoice(kind: .given(cluster.port), stateDirectory: stateDirectory, newTopicPartitions: nil)
    }
}

extension ClusterChoice {
    /// A cluster that the application opens when it starts, and closes at its end.
    package init(
        stateDirectory: String?, newTopicPartitions: Int32?,
        opening open: @escaping @Sendable (Logger) throws -> any OwnedCluster
    ) {
        self.init(kind: .opened(open), stateDirectory: stateDirectory, newTopicPartitions: newTopicPartitions)
    }
}

/// A cluster that an application opens for its own use.
package protocol OwnedCluster: ClusterPort {
    /// Called once, when its clients are no longer used. Blocks.
    func close() throws
}

extension EmbeddedCluster: OwnedCluster {}

/// Runs beside an embedded cluster while an application uses it, for example a server.
package protocol ClusterCompanion: Sendable {
    /// Called once, before the cluster is closed. Blocks until it no longer uses the cluster.
    func end()
}
