import MoldauRecords
import MoldauTopology

/// How operators, stores and internal topics are named if the user does not name them.
public enum Naming: Sendable {
    /// Stores and internal topics are named after their place (`text-lines-count`), so that adding or removing
    /// stateless steps elsewhere does not rename them. If two would have the same name, one must be named.
    case stable
    /// Exactly Kafka Streams' names, made of counters (`KSTREAM-AGGREGATE-STATE-STORE-0000000003`), for applications
    /// that migrate.
    case kafkaStreams
}

/// Makes names while a topology is declared.
final class NodeNames {
    let naming: Naming
    private var index = 0
    private var taken: Set<String> = []
    /// The generated names of stores and topics, or their prefixes.
    private var generated: Set<String> = []
    /// Generated names with a number that distinguishes them from others of the same operation and place, each with the
    /// name without the number.
    private var numberedNames: [String: String] = [:]

    init(_ naming: Naming) { self.naming = naming }

    /// The given name, or the next one with the prefix. Consumes a number in both cases, as in Kafka Streams.
    func processor(_ given: String?, _ prefix: String) -> String {
        let generated = numbered(prefix)
        return given ?? generated
    }

    /// As `processor`, with a suffix appended to the given name.
    func processor(_ given: String?, suffix: String, _ prefix: String) -> String {
        let generated = numbered(prefix)
        return given.map { $0 + suffix } ?? generated
    }

    /// The next name of a store. Stable: `<origin>-<operation>`.
    func store(_ prefix: String, origin: String, operation: String) -> String {
        settled(numbered(prefix + "STATE-STORE-"), origin: origin, operation: operation)
    }

    /// The name of a topic or store that the user did not name. `generated` contains its node's number, which is
    /// already consumed. Stable: `<origin>-<operation>`.
    func settled(_ generated: String, origin: String, operation: String) -> String {
        let base = "\(origin)-\(operation)"
        let name = naming == .kafkaStreams ? generated : unique(base)
        if naming == .stable, name != base { numberedNames[name] = base }
        self.generated.insert(name)
        return name
    }

    /// - Throws: `TopologyError.indistinguishable` if stores or internal topics differ by their order only: one
    ///   inserted before another would take over its data on disk.
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

    /// The name of a store or topic without the number that distinguishes it from others.
    private func unnumbered(_ resource: String) -> String {
        for ending in Self.endings where resource.hasSuffix(ending) {
            if let base = numberedNames[String(resource.dropLast(ending.count))] { return base + ending }
        }
        return resource
    }

    /// Suffixes of a generated name in the name of a store or topic.
    private static let endings = ["", "-repartition", "-store", "-topic"]

    private static func resources(of topology: Topology) -> [String] {
        (topology.stores + topology.globalTables.map(\.store)).map(\.name) + topology.repartitionTopics.map(\.name)
    }

    /// - Throws: `TopologyError.unnamed` if stores or internal topics have generated names (KIP-1111).
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

    /// Rejects the names of nodes, stores and topics that Kafka rejects (KIP-307).
    static func validate(_ name: String) throws {
        if let objection = TopicName.objection(to: name) {
            throw TopologyError.invalidName(name: name, reason: objection)
        }
    }
}
