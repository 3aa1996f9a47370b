import MoldauRecords
import MoldauState
import MoldauTopology

/// Declares the sources of a topology; operators are methods of the streams and tables that it returns.
///
/// Exists while the closure of `Topology(_:_:)` runs. Errors in names and settings are collected, and the first one is
/// thrown after the closure returns.
public final class StreamsBuilder {
    let options: TopologyOptions
    let names: NodeNames
    private let root = GraphNode("") { _, _ in }
    /// In the order in which they were added.
    private(set) var nodes: [GraphNode] = []
    private var nodeCount = 0
    private var copartitions: [Set<String>] = []
    /// The first error of the operators so far; `build` throws it.
    package private(set) var failure: (any Error)?
    /// The innermost `diverting` call whose operators are being declared.
    var scope: DiversionScope?
    var warnings: [TopologyWarning] = []
    private var classesWithStores: Set<ObjectIdentifier> = []
    private var additions: [(inout Topology) throws -> Void] = []

    init(_ options: TopologyOptions) {
        self.options = options
        names = NodeNames(options.naming)
    }

    /// Adds a node below its parents; a node without parents is a source.
    func add(_ node: GraphNode, below parents: [GraphNode]) {
        for parent in parents.isEmpty ? [root] : parents { parent.add(child: node) }
        nodes.append(node)
        node.scope = scope
        postpone(node)
    }

    /// Moves a node that is used again to the current place in the build order.
    func postpone(_ node: GraphNode) {
        node.buildPriority = nodeCount
        nodeCount += 1
    }

    /// Keeps the first error for `build`.
    func attempt(_ body: () throws -> Void) {
        do { try body() } catch { failure = failure ?? error }
    }

    /// The given name, checked, or the next one with the prefix.
    func name(_ given: String?, _ prefix: String) -> String {
        names.processor(given.map { checked($0) }, prefix)
    }

    /// Returns the name; `build` throws if it is not allowed.
    func checked(_ name: String) -> String {
        attempt { try NodeNames.validate(name) }
        return name
    }

    /// Requires the sources to have the same number of partitions, because records with equal keys must reach the same
    /// task.
    func copartition(_ sources: Set<String>) { copartitions.append(sources) }

    /// Adds a store that processors refer to by name.
    ///
    /// ```swift
    /// let counts = KeyValueStoreName<String, Int>("counts")
    /// streams.addStore(StoreDefinition(counts))
    /// let moves = customers.transformValues(stores: [counts]) { context in
    ///     let counts = try context.store(counts)
    ///     return { name, _ in try counts.update(name) { ($0 ?? 0) + 1 }.new }
    /// }
    /// // customers: ada=Prague, ada=Brno
    /// // moves: ada=1, ada=2
    /// ```
    /// Adding the same definition again is allowed, so that several parts of a topology can share the store; a
    /// different one of the same name is a `TopologyError.duplicateName`.
    public func addStore(_ store: StoreDefinition) {
        additions.append { topology in try topology.add(store, for: []) }
    }

    /// Adds the stores that a processor type declares, once.
    func addStores<Made: Processor>(of _: Made.Type) {
        guard classesWithStores.insert(ObjectIdentifier(Made.self)).inserted else { return }
        for store in Made.storeDefinitions { addStore(store) }
    }

    func build() throws -> Topology {
        if let failure { throw failure }
        var renamed = mergeSources()
        if options.optimizations.contains(.mergeRepartitionTopics) {
            renamed.merge(RepartitionMerge(self).run()) { $1 }
        }
        try options.check()
        var topology = Topology()
        for add in additions { try add(&topology) }
        try write(into: &topology)
        if options.requiresNames { try names.check(topology) }
        try names.checkOrder(topology)
        topology.warnings = warnings
        for sources in copartitions { try topology.copartition(sources: Set(sources.map { renamed[$0] ?? $0 })) }
        guard !topology.nodes.isEmpty || !topology.globalTables.isEmpty else { throw TopologyError.empty }
        if let wrapper = options.wrapper { topology.wrap(with: wrapper) }
        return topology
    }

    /// Merges sources of the same topics and types. Returns the names of removed sources, each with the name of its
    /// replacement.
    private func mergeSources() -> [String: String] {
        var renamed: [String: String] = [:]
        var kept: [GraphNode] = []
        for node in root.children {
            if let source = node.source, let first = kept.first(where: { $0.source == source }) {
                first.adopt(childrenOf: node)
                node.isWritten = true
                renamed[node.name] = first.name
            } else {
                kept.append(node)
            }
        }
        return renamed
    }

    private func write(into topology: inout Topology) throws {
        var waiting = root.children
        while let index = waiting.indices.min(by: { waiting[$0].buildPriority < waiting[$1].buildPriority }) {
            let node = waiting.remove(at: index)
            guard !node.isWritten, node.parents.allSatisfy({ $0 === root || $0.isWritten }) else { continue }
            let parents = node.parents.filter { $0 !== root }.map(\.name)
            if let scope = node.scope {
                try scope.noting(&topology) { try node.write(&$0, parents) }
            } else {
                try node.write(&topology, parents)
            }
            node.isWritten = true
            waiting += node.children
        }
    }
}

extension Topology {
    /// Declares a topology with the DSL.
    ///
    /// ```swift
    /// let lines = Topic<String, String>("lines")
    /// let shouted = Topic<String, String>("shouted")
    /// let topology = try Topology { streams in
    ///     streams.stream(lines).mapValues { $0.uppercased() }.to(shouted)
    /// }
    /// // lines: 1=to be
    /// // shouted: 1=TO BE
    /// ```
    /// - Throws: `TopologyError` if names, stores and topics do not fit together, and any error of `declare`.
    public init(_ options: TopologyOptions = TopologyOptions(), _ declare: (StreamsBuilder) throws -> Void) throws {
        let builder = StreamsBuilder(options)
        try declare(builder)
        self = try builder.build()
    }
}
