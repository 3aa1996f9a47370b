import MoldauCluster
import MoldauState
import MoldauTopology

/// The topics that a topology's patterns matched when it was last planned.
package struct TopicWatch: Sendable {
    private let topology: Topology
    private let own: Set<String>
    /// The topology with the topics that were found.
    package let matched: Topology

    /// Searches for matching topics. Blocks.
    /// - Throws: `TopologyError.topicReadTwice`.
    package init(_ topology: Topology, names: InternalTopicNames, admin: any Admin) throws {
        self.topology = topology
        own = Set(topology.repartitionTopics.map { names.topic($0.name) })
            .union(topology.stores.map { names.changelog(ofStore: $0.name) })
        matched = try Self.search(topology, besides: own, admin)
    }

    /// Whether the patterns match other topics now. Blocks.
    package func hasChanged(admin: any Admin) throws -> Bool {
        try Self.search(topology, besides: own, admin).sourceTopics != matched.sourceTopics
    }

    private static func search(_ topology: Topology, besides own: Set<String>, _ admin: any Admin) throws -> Topology {
        guard topology.readsByPattern else { return topology }
        return try topology.matching(try admin.topics().map(\.name).filter { !$0.hasPrefix("__") && !own.contains($0) })
    }
}

extension Topology {
    fileprivate var sourceTopics: [[String]] { nodes.compactMap { $0.source?.topics } }
}
