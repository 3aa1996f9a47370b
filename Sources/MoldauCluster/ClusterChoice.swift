import Logging
import MoldauRecords

/// The cluster that an application uses, and the directory of its state.
public struct ClusterChoice: Sendable {
    package let stateDirectory: String?
    package let newTopicPartitions: Int32?
    /// Called when the application starts. Blocks.
    package let open: @Sendable (_ clock: @escaping @Sendable () -> Timestamp, Logger) throws -> OpenCluster

    package init(
        stateDirectory: String?, newTopicPartitions: Int32?,
        opening open: @escaping @Sendable (@escaping @Sendable () -> Timestamp, Logger) throws -> OpenCluster
    ) {
        (self.stateDirectory, self.newTopicPartitions, self.open) = (stateDirectory, newTopicPartitions, open)
    }

    /// An open cluster, which the application does not close.
    /// - Parameter stateDirectory: each application has a directory in it; nil keeps all state in memory.
    /// - Parameter cluster: contains the topics.
    public static func cluster(_ cluster: any Cluster, stateDirectory: String?) -> ClusterChoice {
        ClusterChoice(stateDirectory: stateDirectory, newTopicPartitions: nil) { _, _ in
            OpenCluster(port: cluster.port, close: {})
        }
    }
}

/// An application's cluster while the application runs.
package struct OpenCluster: Sendable {
    package let port: any ClusterPort
    /// Called once, when its clients are no longer used. Blocks.
    package let close: @Sendable () throws -> Void

    package init(port: any ClusterPort, close: @escaping @Sendable () throws -> Void) {
        (self.port, self.close) = (port, close)
    }
}
