import MoldauTopology

/// How operators, stores and internal topics without a name of their own are named.
public enum Naming: Sendable {
    /// Stores and internal topics are named for where they stand (`text-lines-count`), so that adding or removing steps without
    /// state elsewhere does not rename them.
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
        let name = naming == .kafkaStreams ? generated : unique("\(origin)-\(operation)")
        self.generated.insert(name)
        return name
    }

    /// - Throws: `TopologyError.unnamed` where stores or internal topics have generated names (KIP-1111).
    func check(_ topology: Topology) throws {
        let endings = ["", "-repartition", "-store", "-topic"]
        let names = Set(generated.flatMap { name in endings.map { name + $0 } })
        let resources =
            (topology.stores + topology.globalTables.map(\.store)).map(\.name) + topology.repartitionTopics.map(\.name)
        let unnamed = resources.filter(names.contains)
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
        func refuse(_ reason: String) throws { throw TopologyError.invalidName(name: name, reason: reason) }
        if name.isEmpty { try refuse("it is empty") }
        if name == "." || name == ".." { try refuse("it is a folder's name") }
        if name.utf8.count > 249 { try refuse("it is longer than 249 characters") }
        let allowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            }
        }
        if !allowed { try refuse("only ASCII letters, digits, '.', '_' and '-' are allowed") }
    }
}
