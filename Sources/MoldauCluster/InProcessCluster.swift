/// A cluster in this process, whose files are the process's own.
package protocol InProcessCluster: Cluster {
    /// What the broker has. Opens the logs that are closed, and blocks for that.
    func use() -> BrokerUse
}

/// What a broker has.
package struct BrokerUse: Sendable {
    /// What the records take on disk, by topic.
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
