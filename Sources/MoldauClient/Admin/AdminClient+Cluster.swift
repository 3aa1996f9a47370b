internal import MoldauRecords
internal import MoldauWire

extension AdminClient {
    /// A broker of the cluster.
    public struct Node: Hashable, Sendable {
        /// The broker's id, which never changes.
        public let id: Int32
        /// Where clients connect to it.
        public let address: BrokerAddress
        /// `broker.rack`: the rack, or whatever else brokers share that may fail as a whole.
        public let rack: String?
    }

    /// The brokers of a cluster.
    public struct ClusterDescription: Sendable, Equatable {
        /// The cluster's id, which never changes; nil if the brokers are too old to return it.
        public let clusterID: String?
        /// The brokers that are running, by id.
        public let nodes: [Node]
        /// The broker that serves requests about the whole cluster; nil if there is none now.
        public let controller: Int32?
    }

    /// Describes the brokers of the cluster.
    /// - Throws: `ClientError`; `CancellationError`.
    public func describeCluster() async throws -> ClusterDescription {
        let picture = try await repeated { try await self.picture(of: []) }
        return ClusterDescription(
            clusterID: picture.clusterID, nodes: picture.nodes,
            controller: picture.controllerID >= 0 ? picture.controllerID : nil)
    }
}

extension MetadataResponse {
    /// The brokers, by id.
    var nodes: [AdminClient.Node] {
        brokers.map { broker in
            AdminClient.Node(
                id: broker.nodeID, address: BrokerAddress(host: broker.host, port: Int(broker.port)), rack: broker.rack)
        }.sorted(on: \.id)
    }
}
