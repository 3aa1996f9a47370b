internal import MoldauRecords
internal import MoldauWire

extension AdminClient {
    /// A broker of the cluster.
    public struct Node: Hashable, Sendable {
        /// Its number, which it keeps.
        public let id: Int32
        /// Where clients reach it.
        public let address: BrokerAddress
        /// `broker.rack`: what it shares with others that may fail together.
        public let rack: String?
    }

    /// The brokers of a cluster.
    public struct ClusterDescription: Sendable, Equatable {
        /// The cluster's name, which never changes; nil if the brokers are too old to tell.
        public let clusterID: String?
        /// The brokers that are up, by number.
        public let nodes: [Node]
        /// The broker that takes what concerns the whole cluster; nil if there is none now.
        public let controller: Int32?
    }

    /// Which brokers there are.
    /// - Throws: `ClientError`; `CancellationError`.
    public func describeCluster() async throws -> ClusterDescription {
        let picture = try await repeated { try await self.picture(of: []) }
        return ClusterDescription(
            clusterID: picture.clusterID, nodes: picture.nodes,
            controller: picture.controllerID >= 0 ? picture.controllerID : nil)
    }
}

extension MetadataResponse {
    /// The brokers, by number.
    var nodes: [AdminClient.Node] {
        brokers.map { broker in
            AdminClient.Node(
                id: broker.nodeID, address: BrokerAddress(host: broker.host, port: Int(broker.port)), rack: broker.rack)
        }.sorted(on: \.id)
    }
}
