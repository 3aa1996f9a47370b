/// A cluster in this process, whose files are the process's own.
package protocol InProcessCluster: ClusterPort {
    /// The broker's resource use. Opens the logs that are closed, and blocks for that.
    func use() -> BrokerUse
}

/// A broker's resource use.
package struct BrokerUse: Sendable {
    /// The size of the records on disk, by topic.
    package var topicBytes: [String: Int] = [:]
    package var partitionCount = 0
    package var groupCount = 0
    /// Over the network, since its server began to listen.
    package var requestCount: Int64 = 0
    package var bytesReceived: Int64 = 0
    package var bytesSent: Int64 = 0
    package var connectionCount = 0

    package init() {}
}
