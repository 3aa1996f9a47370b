import MoldauRecords
import MoldauTopology

extension KStream {
    /// Replaces each record by any number of records with the same key.
    ///
    /// ```swift
    /// let words = lines.flatMapValues { $0.split(separator: " ") }
    /// // lines: 1=to be, 2=or not
    /// // words: 1=to, 1=be, 2=or, 2=not
    /// ```
    @inlinable public func flatMapValues<NewValues: Sequence & SendableMetatype>(
        named name: String? = nil, _ transform: @escaping @Sendable (Value) throws -> NewValues
    ) -> KStream<Key, NewValues.Element> {
        flatMapValues(named: name) { _, value in try transform(value) }
    }

    /// Replaces each record by any number of records with the same key, from its key and value.
    ///
    /// ```swift
    /// let words = lines.flatMapValues { number, line in line.split(separator: " ").map { "\(number):\($0)" } }
    /// // lines: 1=to be
    /// // words: 1=1:to, 1=1:be
    /// ```
    @inlinable public func flatMapValues<NewValues: Sequence & SendableMetatype>(
        named name: String? = nil, _ transform: @escaping @Sendable (Key, Value) throws -> NewValues
    ) -> KStream<Key, NewValues.Element> {
        adding(.flatMapValues, named: name, prefix: "KSTREAM-FLATMAPVALUES-", changesValue: true) { context in
            let (forward, passed) = (
                try context.next(Key.self, NewValues.Element.self).receiveParts, context.counting()
            )
            return Inlet(parts: { key, value, timestamp, headers in
                let newValues: NewValues
                do { newValues = try transform(key, value) } catch { return try context.failed(error) }
                for newValue in newValues {
                    passed.add()
                    try forward(key, newValue, timestamp, headers)
                }
            })
        }
    }

    /// Replaces each record by any number of records with new keys. A later operator that needs equal keys together
    /// repartitions first.
    ///
    /// ```swift
    /// let halves = orders.flatMap { id, order in [("\(id)a", order.amount / 2), ("\(id)b", order.amount / 2)] }
    /// // orders: o1=ada 120
    /// // halves: o1a=60, o1b=60
    /// ```
    @inlinable public func flatMap<Pairs: Sequence & SendableMetatype, NewKey, NewValue>(
        named name: String? = nil, _ transform: @escaping @Sendable (Key, Value) throws -> Pairs
    ) -> KStream<NewKey, NewValue> where Pairs.Element == (NewKey, NewValue) {
        adding(.flatMap, named: name, prefix: "KSTREAM-FLATMAP-", changesKey: true) { context in
            let (forward, passed) = (try context.next(NewKey.self, NewValue.self).receiveParts, context.counting())
            return Inlet(parts: { key, value, timestamp, headers in
                let pairs: Pairs
                do { pairs = try transform(key, value) } catch { return try context.failed(error) }
                for (newKey, newValue) in pairs {
                    passed.add()
                    try forward(newKey, newValue, timestamp, headers)
                }
            })
        }
    }
}
