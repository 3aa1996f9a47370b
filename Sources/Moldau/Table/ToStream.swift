import MoldauRecords
import MoldauTopology

extension KTable {
    /// The table's changes as a stream; nil is a deleted row.
    @inlinable public func toStream(named name: String? = nil) -> KStream<Key, Value?> {
        streaming(named: name) { context in
            let forward = try context.next(Key.self, Value?.self).receive
            return Inlet<Key, Change<Value>> { record in try forward(record.with(value: record.value.new)) }
        }
    }

    @usableFromInline func streaming(named given: String?, _ make: @escaping TopologyNode.Make) -> KStream<Key, Value?>
    {
        let name = builder.name(given, "KTABLE-TOSTREAM-")
        let node = GraphNode(name) { topology, parents in
            try topology.add(TopologyNode(name, .processor(make: make), parents: parents))
        }
        builder.add(node, below: [self.node])
        return KStream(builder: builder, node: node, sources: sources, isKeyChanged: false, origin: origin)
    }

    /// The table's changes as a stream under new keys.
    @inlinable public func toStream<NewKey>(
        named name: String? = nil, key selector: @escaping @Sendable (Key, Value?) throws -> NewKey
    ) -> KStream<NewKey, Value?> {
        toStream(named: name).selectKey(selector)
    }
}
