import MoldauRecords
import MoldauState
import MoldauTopology

extension KTable {
    /// Replaces each row's value, computed with the help of stores; nil deletes the row.
    ///
    /// ```swift
    /// let highest = KeyValueStoreName<String, Int>("highest")
    /// streams.addStore(StoreDefinition(highest))
    /// let records = balances.transformValues(stores: [highest]) { context in
    ///     let highest = try context.store(highest)
    ///     return { name, balance in
    ///         guard let balance, try balance > highest.get(name) ?? 0 else { return try highest.get(name) }
    ///         try highest.put(name, balance)
    ///         return balance
    ///     }
    /// }
    /// // balances: ada=5, ada=3, ada=8
    /// // records: ada=5, ada=5, ada=8
    /// ```
    /// The function may be called more than once for a change: for the new value, for the old one, and when a row is
    /// looked up. It gets nil for a row that was deleted or does not exist.
    /// - Parameters:
    ///   - store: gives the result a store of its own; old values and look-ups are then read there.
    ///   - stores: the stores that it uses; add them with `addStore`.
    ///   - make: makes the function for one task.
    ///   - name: the operator's name in descriptions and metrics; nil generates one.
    public func transformValues<NewValue>(
        as store: (any TableMaterialization<Key, NewValue>)? = nil, named name: String? = nil,
        stores: [any StoreName] = [],
        _ make: @escaping @Sendable (TransformationContext) throws -> (Key, Value?) throws -> NewValue?
    ) -> KTable<Key, NewValue> {
        deriving(
            .transformValues, "KTABLE-TRANSFORMVALUES-", as: store, named: name, stores: stores.map(\.name),
            skipsEmptyChanges: false
        ) { try make(TransformationContext($0)) }
    }
}
