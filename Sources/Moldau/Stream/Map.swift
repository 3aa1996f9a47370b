import MoldauRecords
import MoldauTopology

extension KStream {
    /// Replaces each record by one with a new key and value. A later operator that needs equal keys together
    /// repartitions first.
    ///
    /// ```swift
    /// let amounts = orders.map { _, order in (order.customer, order.amount) }
    /// // orders: o1=ada 120
    /// // amounts: ada=120
    /// ```
    @inlinable public func map<NewKey, NewValue>(
        named name: String? = nil, _ transform: @escaping @Sendable (Key, Value) throws -> (NewKey, NewValue)
    ) -> KStream<NewKey, NewValue> {
        adding(.map, named: name, prefix: "KSTREAM-MAP-", changesKey: true) { context in
            let forward = try context.next(NewKey.self, NewValue.self).receiveParts
            return Inlet(parts: { key, value, timestamp, headers in
                let new: (key: NewKey, value: NewValue)
                do { new = try transform(key, value) } catch { return try context.failed(error) }
                try forward(new.key, new.value, timestamp, headers)
            })
        }
    }

    /// Replaces each record's value.
    ///
    /// ```swift
    /// let loud = lines.mapValues { $0.uppercased() }
    /// // lines: 1=to be
    /// // loud: 1=TO BE
    /// ```
    @inlinable public func mapValues<NewValue>(
        named name: String? = nil, _ transform: @escaping @Sendable (Value) throws -> NewValue
    ) -> KStream<Key, NewValue> {
        mapValues(named: name) { _, value in try transform(value) }
    }

    /// Replaces each record's value, computed from its key and value.
    ///
    /// ```swift
    /// let visits = clicks.mapValues { user, page in "\(user) was at \(page)" }
    /// // clicks: ada=/home
    /// // visits: ada=ada was at /home
    /// ```
    @inlinable public func mapValues<NewValue>(
        named name: String? = nil, _ transform: @escaping @Sendable (Key, Value) throws -> NewValue
    ) -> KStream<Key, NewValue> {
        adding(.mapValues, named: name, prefix: "KSTREAM-MAPVALUES-", changesValue: true) { context in
            let forward = try context.next(Key.self, NewValue.self).receiveParts
            return Inlet(parts: { key, value, timestamp, headers in
                let newValue: NewValue
                do { newValue = try transform(key, value) } catch { return try context.failed(error) }
                try forward(key, newValue, timestamp, headers)
            })
        }
    }

    /// Replaces each record's key. A later operator that needs equal keys together repartitions first.
    ///
    /// ```swift
    /// let byCustomer = orders.selectKey { _, order in order.customer }
    /// // orders: o1=ada 120
    /// // byCustomer: ada=ada 120
    /// ```
    @inlinable public func selectKey<NewKey>(
        named name: String? = nil, _ selector: @escaping @Sendable (Key, Value) throws -> NewKey
    ) -> KStream<NewKey, Value> {
        adding(.selectKey, named: name, prefix: "KSTREAM-KEY-SELECT-", changesKey: true) { context in
            let forward = try context.next(NewKey.self, Value.self).receiveParts
            return Inlet(parts: { key, value, timestamp, headers in
                let newKey: NewKey
                do { newKey = try selector(key, value) } catch { return try context.failed(error) }
                try forward(newKey, value, timestamp, headers)
            })
        }
    }
}
