import MoldauRecords
import MoldauTopology

extension KTable {
    /// The table's changes as a stream; nil is a deleted row.
    ///
    /// ```swift
    /// let changes = balances.toStream().mapValues { $0.map { "now \($0)" } ?? "gone" }
    /// // balances: ada=5, ada=nil
    /// // changes: ada=now 5, ada=gone
    /// ```
    @inlinable public func toStream(named name: String? = nil) -> KStream<Key, Value?> {
        streaming(named: name) { context in
            let forward = try context.next(Key.self, Value?.self).receiveParts
            return Inlet<Key, Change<Value>>(parts: { key, change, timestamp, headers in
                try forward(key, change.new, timestamp, headers)
            })
        }
    }

    @usableFromInline func streaming(named given: String?, _ make: @escaping TopologyNode.Make) -> KStream<Key, Value?>
    {
        let name = builder.name(given, "KTABLE-TOSTREAM-")
        let node = GraphNode(name) { topology, parents in
            try topology.add(TopologyNode(name, .processor(make: make), .toStream, parents: parents))
        }
        builder.add(node, below: [self.node])
        return KStream(builder: builder, node: node, sources: sources, isKeyChanged: false, origin: origin)
    }

    /// The table's changes as a stream with new keys.
    ///
    /// ```swift
    /// let pages = clicks.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero)).count()
    ///     .toStream { windowed, _ in windowed.key }
    /// // clicks: ada@10=/home, ada@70=/shop
    /// // pages: ada=1, ada=1
    /// ```
    @inlinable public func toStream<NewKey>(
        named name: String? = nil, _ selector: @escaping @Sendable (Key, Value?) throws -> NewKey
    ) -> KStream<NewKey, Value?> {
        toStream(named: name).selectKey(selector)
    }
}
