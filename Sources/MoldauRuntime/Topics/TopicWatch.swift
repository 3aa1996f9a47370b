import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// The topics that an application was planned with: those that its patterns matched, and those of its global tables.
package struct TopicWatch: Sendable {
    private let topology: Topology
    private let own: Set<String>
    /// The topology with the topics found for its patterns.
    package let matched: Topology
    /// The ids of the global tables' topics, if the cluster has ids.
    private let ids: [String: TopicID]

    /// Searches for the topics. Blocks.
    /// - Throws: `TopologyError.topicReadTwice`.
    package init(_ topology: Topology, names: InternalTopicNames, admin: any Admin) throws {
        self.topology = topology
        own = Set(topology.repartitionTopics.map { names.topic($0.name) })
            .union(topology.stores.map { names.changelog(ofStore: $0.name) })
        guard topology.readsByPattern || !topology.globalTables.isEmpty else {
            (matched, ids) = (topology, [:])
            return
        }
        let topics = try admin.topics()
        matched = try Self.match(topology, to: topics, besides: own)
        let tables = Set(topology.globalTables.map(\.topic))
        ids = topics.reduce(into: [:]) { if tables.contains($1.name) { $0[$1.name] = $1.id } }
    }

    /// Whether there is anything that may change.
    package var isNeeded: Bool { topology.readsByPattern || !ids.isEmpty }

    /// Why a new plan is needed; nil if none is, and while a global table's topic is missing.
    /// Blocks.
    package func change(admin: any Admin) throws -> String? {
        let topics = try admin.topics()
        if try Self.match(topology, to: topics, besides: own).sourceTopics != matched.sourceTopics {
            return "the patterns match other topics now"
        }
        let other = topics.first { topic in topic.id.map { $0 != ids[topic.name, default: $0] } ?? false }
        return other.map { "the topic '\($0.name)' of a global table was deleted and recreated" }
    }

    private static func match(
        _ topology: Topology, to topics: [TopicDescription], besides own: Set<String>
    ) throws -> Topology {
        guard topology.readsByPattern else { return topology }
        return try topology.matching(topics.map(\.name).filter { !$0.hasPrefix("__") && !own.contains($0) })
    }
}

extension Topology {
    fileprivate var sourceTopics: [[String]] { nodes.compactMap { $0.source?.topics } }
}
