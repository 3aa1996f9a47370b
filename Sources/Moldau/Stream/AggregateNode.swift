import MoldauRecords
import MoldauState
import MoldauTopology

extension KGroupedStream {
    /// Adds the node of an aggregation with its store, below a repartition if the key was changed.
    /// - Parameters:
    ///   - operation: the description of the node.
    ///   - emission: nil for the emission in the store's options.
    ///   - inlet: wires the node in a task.
    func aggregated<ResultKey, Result>(
        _ prefix: String, _ operation: OperatorDescription, named given: String?, _ choice: StoreChoice,
        emission: Emission? = nil,
        key: Serde<ResultKey>, getter: RowGetter<ResultKey, Result>, store: StoreDefinition, grace: Duration? = nil,
        inlet: @escaping @Sendable (NodeContext, ChangeForwarder<ResultKey, Result>) throws -> Inlet<Key, Value>
    ) -> KTable<ResultKey, Result> {
        let builder = stream.builder
        let name = builder.name(given, prefix)
        let upstream = partitioned(for: choice.name)
        builder.copartition(upstream.sources)
        let content = TableContent<ResultKey, Result>(
            isVersioned: choice.isVersioned, askUpstream: { _ in true }, makeGetter: { getter })
        let node = GraphNode(name) { topology, parents in
            let (emission, sendsOldValues) = (emission ?? choice.emission, content.sendsOldValues)
            let make: @Sendable (NodeContext) throws -> Any = { context in
                let changes = try ChangeForwarder<ResultKey, Result>(
                    context, store: store.name, emission: emission, key: key, sendsOldValues: sendsOldValues)
                return try inlet(context, changes)
            }
            try topology.add(TopologyNode(name, .processor(make: make), operation, parents: parents))
            try topology.add(store, for: [name])
        }
        node.grace = grace
        builder.add(node, below: [upstream.node])
        return KTable(
            builder: builder, node: node, sources: upstream.sources,
            origin: choice.isNamed ? choice.name : stream.origin, key: key, content: content)
    }
}
