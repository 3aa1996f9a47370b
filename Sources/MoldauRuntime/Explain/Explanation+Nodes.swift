// How many records went through the nodes of a topology. Only operators that pass on more or fewer records than they
// take count them; the counts of the others are derived from these.

import MoldauRecords
import MoldauState
import MoldauTopology

extension Explanation {
    /// - Parameter flow: the counts of all tasks of the process.
    static func nodes(of topology: Topology, _ names: InternalTopicNames, _ flow: RecordFlow) -> [Node] {
        let owner = dropOwners(topology, names)
        let drops = Dictionary(grouping: flow.drops) { owner[$0.key.node] ?? $0.key.node }
        var toAll: [String: Int64] = [:]
        var nodes: [Node] = []
        for node in topology.nodes {
            let dropped = flow.drops.reduce(0) { $1.key.node == node.name ? $0 + $1.value.count : $0 }
            let taken: Int64
            if node.source != nil {
                taken = flow.taken[node.name, default: 0] + dropped
            } else {
                // A split, and a node that diverts records, choose a child for each record.
                let isChosen = node.operation == .branch || node.operation == .diverted
                taken = node.parents.reduce(0) { sum, parent in
                    sum + (flow.passed[parent]?.to[node.name] ?? 0) + (isChosen ? 0 : toAll[parent] ?? 0)
                }
            }
            let counted = flow.passed[node.name]
            toAll[node.name] = node.operation == .forEach ? 0 : counted?.toAll ?? max(0, taken - dropped)
            var out = toAll[node.name, default: 0] + (counted?.to.values.reduce(0, +) ?? 0)
            if case .sink = node.role { out = max(0, taken - count(drops[node.name])) }
            nodes.append(
                Node(
                    name: node.name, operation: "\(node.operation)", recordsIn: taken, recordsOut: out,
                    drops: listed(drops[node.name])))
        }
        for table in topology.globalTables {
            let taken = flow.taken[table.sourceName, default: 0]
            let (unread, refused) = (drops[table.sourceName], drops[table.processorName])
            nodes.append(
                Node(
                    name: table.sourceName, operation: "source of a global table", recordsIn: taken + count(unread),
                    recordsOut: taken, drops: listed(unread)))
            nodes.append(
                Node(
                    name: table.processorName, operation: "global table", recordsIn: taken, recordsOut: 0,
                    drops: listed(refused)))
        }
        return nodes
    }

    private typealias Tallies = [Dictionary<DropKey, DropTally>.Element]

    private static func count(_ drops: Tallies?) -> Int64 { (drops ?? []).reduce(0) { $0 + $1.value.count } }

    private static func listed(_ drops: Tallies?) -> [Drop] {
        (drops ?? []).map { key, tally in
            Drop(
                reason: key.reason, count: tally.count, first: tally.first, last: tally.last,
                samples: tally.samples.map(Sample.init))
        }.sorted { ($1.count, $0.reason.rawValue) < ($0.count, $1.reason.rawValue) }
    }

    /// Drops at stores and topics belong to the nodes that write to them.
    private static func dropOwners(_ topology: Topology, _ names: InternalTopicNames) -> [String: String] {
        var owners: [String: String] = [:]
        for store in topology.stores { owners[store.name] = topology.users(ofStore: store.name).first }
        for case .sink(let topic?, _) in topology.nodes.map(\.role) {
            owners[names.topic(topic)] =
                topology.nodes.first { node in
                    if case .sink(topic, _) = node.role { true } else { false }
                }?.name
        }
        for node in topology.nodes { owners[node.name] = node.name }
        return owners
    }
}
