import MoldauRecords
import MoldauTopology

extension KStream {
    /// Merges two streams into one, in no particular order.
    ///
    /// ```swift
    /// let all = deposits.merge(withdrawals.mapValues { -$0 })
    /// // deposits: ada=100
    /// // withdrawals: ada=30
    /// // all: ada=100, ada=-30
    /// ```
    public func merge(_ other: KStream<Key, Value>, named given: String? = nil) -> KStream<Key, Value> {
        let name = builder.name(given, "KSTREAM-MERGE-")
        let merged = GraphNode(name) { topology, parents in
            let make: @Sendable (NodeContext) throws -> Any = { try $0.next(Key.self, Value.self) }
            try topology.add(TopologyNode(name, .processor(make: make), .merge, parents: parents))
        }
        merged.isMerge = true
        builder.add(merged, below: [node, other.node])
        return KStream(
            builder: builder, node: merged, sources: sources.union(other.sources),
            isKeyChanged: isKeyChanged || other.isKeyChanged, origin: "\(origin)_\(other.origin)")
    }
}
