import MoldauRecords
import MoldauState
import MoldauTopology

/// Declares the sources of a topology; the operators follow on what its methods return.
///
/// Lives while the closure of `Topology(_:_:)` runs. Errors of names and settings are kept and thrown when the closure is done.
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
    /// The operators that are being declared, where what they discard goes aside.
    var scope: DiversionScope?
    var warnings: [TopologyWarning] = []
    private var classesWithStores: Set<ObjectIdentifier> = []
    private var additions: [(inout Topology) throws -> Void] = []

    init(_ options: TopologyOptions) {
        self.options = options
        names = NodeNames(options.naming)
    }

    /// Adds a node below its parents; none means that it is a source.
    func add(_ node: GraphNode, below parents: [GraphNode]) {
        for parent in parents.isEmpty ? [root] : parents { parent.add(child: node) }
        nodes.append(node)
        node.scope = scope
        postpone(node)
    }

    /// Gives a node that is used again the place of one that is added now.
    func postpone(_ node: GraphNode) {
        node.buildPriority = nodeCount
        nodeCount += 1
    }

    /// Keeps the first error for `build`.
    func attempt(_ body: () throws -> Void) {
        do { try body() } catch { failure = failure ?? error }
    }

    /// The given name after a check, or the next of that prefix.
    func name(_ given: String?, _ prefix: String) -> String {
        names.processor(given.map { checked($0) }, prefix)
    }

    /// The name itself; `build` throws if it is not allowed.
    func checked(_ name: String) -> String {
        attempt { try NodeNames.validate(name) }
        return name
    }

    /// Says that the sources must agree in their number of partitions: equal keys are to come together.
    func copartition(_ sources: Set<String>) { copartitions.append(sources) }

    /// Adds a store for processors to name.
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
    /// The same definition may be added again, by several parts of a topology that share the store; another one of the
    /// same name is a `TopologyError.duplicateName`.
    public func addStore(_ store: StoreDefinition) {
        additions.append { topology in try topology.add(store, for: []) }
    }

    /// Adds the stores that a class of processors brings along, once.
    func addStores<Made: Processor>(of _: Made.Type) {
        guard classesWithStores.insert(ObjectIdentifier(Made.self)).inserted else { return }
        for store in Made.stores { addStore(store) }
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

    /// Lets sources of the same topics and types be one; answers whose name became whose.
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
    /// - Throws: `TopologyError` for names, stores and topics that do not fit together, and what `declare` throws.
    public init(_ options: TopologyOptions = TopologyOptions(), _ declare: (StreamsBuilder) throws -> Void) throws {
        let builder = StreamsBuilder(options)
        try declare(builder)
        self = try builder.build()
    }
}
