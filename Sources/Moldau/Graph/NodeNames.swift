import MoldauRecords
import MoldauTopology

/// How operators, stores and internal topics without a name of their own are named.
public enum Naming: Sendable {
    /// Stores and internal topics are named for where they stand (`text-lines-count`), so that adding or removing steps without
    /// state elsewhere does not rename them. Where two would have the same name, one has to be named.
    case stable
    /// Exactly Kafka Streams' names, made of counters (`KSTREAM-AGGREGATE-STATE-STORE-0000000003`), for applications that move over.
    case kafkaStreams
}

/// Hands out names while a topology is declared.
final class NodeNames {
    let naming: Naming
    private var index = 0
    private var taken: Set<String> = []
    /// The names of stores and topics that nobody gave, or what these begin with.
    private var generated: Set<String> = []
    /// Of those the ones that have a number to tell them from others of the same operation and place, and what they would be
    /// called without.
    private var numberedNames: [String: String] = [:]

    init(_ naming: Naming) { self.naming = naming }

    /// The name that was given, or the next one of that prefix. A number is used up in both cases, as in Kafka Streams.
    func processor(_ given: String?, _ prefix: String) -> String {
        let generated = numbered(prefix)
        return given ?? generated
    }

    /// As `processor`, with a suffix to the given name.
    func processor(_ given: String?, suffix: String, _ prefix: String) -> String {
        let generated = numbered(prefix)
        return given.map { $0 + suffix } ?? generated
    }

    /// The next name of a store. Stable: `<origin>-<operation>`.
    func store(_ prefix: String, origin: String, operation: String) -> String {
        settled(numbered(prefix + "STATE-STORE-"), origin: origin, operation: operation)
    }

    /// What a topic or store is named for when nobody named it: its node's number, which is used up already. Stable:
    /// `<origin>-<operation>`.
    func settled(_ generated: String, origin: String, operation: String) -> String {
        let base = "\(origin)-\(operation)"
        let name = naming == .kafkaStreams ? generated : unique(base)
        if naming == .stable, name != base { numberedNames[name] = base }
        self.generated.insert(name)
        return name
    }

    /// - Throws: `TopologyError.indistinguishable` where only their order tells stores or internal topics apart: one put before
    ///   another would take what it has on disk.
    func checkOrder(_ topology: Topology) throws {
        var first: [String: String] = [:]
        for resource in Self.resources(of: topology).sorted(by: { ($0.count, $0) < ($1.count, $1) }) {
            let plain = unnumbered(resource)
            if let first = first[plain], plain != resource {
                throw TopologyError.indistinguishable(first: first, other: resource)
            }
            first[plain] = resource
        }
    }

    /// What a store or topic would be called if it were alone.
    private func unnumbered(_ resource: String) -> String {
        for ending in Self.endings where resource.hasSuffix(ending) {
            if let base = numberedNames[String(resource.dropLast(ending.count))] { return base + ending }
        }
        return resource
    }

    /// What a store or topic has behind the name that was made for it.
    private static let endings = ["", "-repartition", "-store", "-topic"]

    private static func resources(of topology: Topology) -> [String] {
        (topology.stores + topology.globalTables.map(\.store)).map(\.name) + topology.repartitionTopics.map(\.name)
    }

    /// - Throws: `TopologyError.unnamed` where stores or internal topics have generated names (KIP-1111).
    func check(_ topology: Topology) throws {
        let names = Set(generated.flatMap { name in Self.endings.map { name + $0 } })
        let unnamed = Self.resources(of: topology).filter(names.contains)
        if !unnamed.isEmpty { throw TopologyError.unnamed(unnamed.sorted()) }
    }

    private func numbered(_ prefix: String) -> String {
        defer { index += 1 }
        let digits = String(index)
        return prefix + String(repeating: "0", count: max(0, 10 - digits.count)) + digits
    }

    private func unique(_ base: String) -> String {
        var (name, number) = (base, 1)
        while !taken.insert(name).inserted {
            number += 1
            name = "\(base)-\(number)"
        }
        return name
    }

    /// Refuses what Kafka refuses in the names of nodes, stores and topics (KIP-307).
    static func validate(_ name: String) throws {
        if let objection = TopicName.objection(to: name) {
            throw TopologyError.invalidName(name: name, reason: objection)
        }
    }
}
