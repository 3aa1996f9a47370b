import MoldauRecords
import MoldauState
import MoldauTopology

extension KTable {
    /// Replaces each row's value; nil deletes the row. The closure must be pure: unless the result has a store, it may
    /// be called twice for a change, with the new value and with the old one.
    ///
    /// ```swift
    /// let doubled = balances.mapValues { $0 * 2 }
    /// // balances: ada=5, ada=nil
    /// // doubled: ada=10, ada=nil
    /// ```
    /// - Parameter store: gives the result a store of its own.
    /// - Parameter name: the operator's name in descriptions and metrics; nil generates one.
    /// - Parameter transform: returns the new value of a row.
    public func mapValues<NewValue>(
        as store: (any TableMaterialization<Key, NewValue>)? = nil, named name: String? = nil,
        _ transform: @escaping @Sendable (Value) throws -> NewValue?
    ) -> KTable<Key, NewValue> {
        mapValues(as: store, named: name) { _, value in try transform(value) }
    }

    /// Replaces each row's value, computed from its key and value.
    ///
    /// ```swift
    /// let cards = customers.mapValues { name, city in "\(name) of \(city)" }
    /// // customers: ada=Prague
    /// // cards: ada=ada of Prague
    /// ```
    public func mapValues<NewValue>(
        as store: (any TableMaterialization<Key, NewValue>)? = nil, named given: String? = nil,
        _ transform: @escaping @Sendable (Key, Value) throws -> NewValue?
    ) -> KTable<Key, NewValue> {
        deriving(.mapValues, "KTABLE-MAPVALUES-", as: store, named: given, skipsEmptyChanges: false) { _ in
            { key, value in try value.flatMap { try transform(key, $0) } }
        }
    }

    /// Keeps the rows that satisfy `isIncluded`; a row that no longer does is deleted.
    ///
    /// Without old values (if no downstream node needs them and this table has no store) every update of an excluded
    /// row is sent as a deletion, whether or not the row was there before.
    ///
    /// ```swift
    /// let rich = balances.filter { _, balance in balance > 100 }
    /// // balances: ada=120, ada=90, bob=7
    /// // rich: ada=120, ada=nil, bob=nil
    /// ```
    public func filter(
        as store: (any TableMaterialization<Key, Value>)? = nil, named name: String? = nil,
        _ isIncluded: @escaping @Sendable (Key, Value) throws -> Bool
    ) -> KTable<Key, Value> {
        // With old values, a row that was already excluded needs no deletion: request them, but do not add a store for
        // that.
        deriving(
            .filter, "KTABLE-FILTER-", as: store, named: name,
            sendsOldValues: content.sendOldValues(force: false), skipsEmptyChanges: true
        ) { _ in
            { key, value in try value.flatMap { try isIncluded(key, $0) ? $0 : nil } }
        }
    }

    /// Keeps the rows that do not satisfy `isExcluded`.
    ///
    /// ```swift
    /// let poor = balances.filterNot { _, balance in balance > 100 }
    /// // balances: ada=120, ada=90
    /// // poor: ada=nil, ada=90
    /// ```
    public func filterNot(
        as store: (any TableMaterialization<Key, Value>)? = nil, named name: String? = nil,
        _ isExcluded: @escaping @Sendable (Key, Value) throws -> Bool
    ) -> KTable<Key, Value> {
        filter(as: store, named: name) { try !isExcluded($0, $1) }
    }

    /// A table whose rows are a function of this table's rows, computed on demand unless it is given a store.
    func deriving<NewValue>(
        _ operation: OperatorDescription, _ prefix: String, as store: (any TableMaterialization<Key, NewValue>)?,
        named given: String?,
        stores: [String] = [], sendsOldValues: Bool = false, skipsEmptyChanges: Bool,
        _ transform: @escaping RowTransform<Key, Value, NewValue>
    ) -> KTable<Key, NewValue> {
        let (builder, parent) = (builder, content)
        // A store that the user did not name is not made, but its number is consumed, as in Kafka Streams.
        if let store, store.storeName == nil {
            _ = builder.names.store(prefix, origin: origin, operation: "unnamed")
        }
        let choice = store?.storeName == nil ? nil : StoreChoice(store, key: key, in: builder) { "" }
        let name = builder.name(given, prefix)
        let derived = TableContent<Key, NewValue>(
            isVersioned: choice?.isVersioned ?? parent.isVersioned, inheritsVersions: choice == nil,
            sendsOldValues: sendsOldValues,
            askUpstream: { force in choice != nil || parent.sendOldValues(force: force) },
            makeGetter: { choice.map { .store($0.name) } ?? parent.getter.mapped(stores, transform) })
        let (key, value) = (key, store?.value)
        let node = GraphNode(name) { topology, parents in
            let derivation = Derivation(
                transform: transform, sendsOldValues: derived.sendsOldValues,
                skipsEmptyChanges: skipsEmptyChanges && !parent.isVersioned,
                store: choice?.name, emission: choice?.emission ?? .everyChange, key: key)
            let make: @Sendable (NodeContext) throws -> Any = { try derivation.inlet($0) }
            try topology.add(TopologyNode(name, .processor(make: make), operation, parents: parents))
            for store in stores { try topology.connect(name, toStore: store) }
            if let choice, let value { try topology.add(choice.definition(key: key, value: value), for: [name]) }
        }
        builder.add(node, below: [self.node])
        return KTable<Key, NewValue>(
            builder: builder, node: node, sources: sources, origin: origin, key: key, content: derived)
    }
}

/// Makes the function from a table's rows to another's for a node of a task; nil is "no row".
typealias RowTransform<Key, Value, NewValue> = @Sendable (NodeContext) throws -> (Key, Value?) throws -> NewValue?

/// The node of a derived table.
private struct Derivation<Key, Value, NewValue>: Sendable {
    let transform: RowTransform<Key, Value, NewValue>
    let sendsOldValues: Bool
    let skipsEmptyChanges: Bool
    let store: String?
    let emission: Emission
    let key: Serde<Key>

    func inlet(_ context: NodeContext) throws -> Inlet<Key, Change<Value>> {
        guard let store else {
            let forward = try context.nextCounted(Key.self, Change<NewValue>.self).receive
            return try receiving(context, oldRow: nil) { record, new, old in
                try forward(record.with(value: Change(new: new, old: old, isLatest: record.value.isLatest)))
            }
        }
        let rows = try TableRows<Key, NewValue>(context, store)
        let changes = try ChangeForwarder<Key, NewValue>(
            context, store: store, emission: emission, key: key, sendsOldValues: sendsOldValues)
        let readsOld = sendsOldValues || changes.isHolding
        return try receiving(context, oldRow: { readsOld ? try rows.get($0)?.value : nil }) { record, new, old in
            let result = try rows.put(record.key, new, at: record.timestamp)
            try changes.send(record, new: new, old: old, at: record.timestamp, result)
        }
    }

    private func receiving(
        _ context: NodeContext, oldRow: ((Key) throws -> NewValue?)?,
        _ emit: @escaping (Record<Key, Change<Value>>, NewValue?, NewValue?) throws -> Void
    ) throws -> Inlet<Key, Change<Value>> {
        let transform = try transform(context)
        return Inlet { [sendsOldValues, skipsEmptyChanges] record in
            let new: NewValue?
            let old: NewValue?
            do {
                new = try transform(record.key, record.value.new)
                old =
                    if let oldRow { try oldRow(record.key) } else {
                        try sendsOldValues ? transform(record.key, record.value.old) : nil
                    }
            } catch { return try context.failed(error) }
            if skipsEmptyChanges, sendsOldValues, new == nil, old == nil { return }
            try emit(record, new, old)
        }
    }
}

extension RowGetter {
    /// Looks up rows of a table whose rows are a function of this one's.
    /// - Parameter others: the stores that the function uses.
    func mapped<NewValue>(
        _ others: [String], _ transform: @escaping RowTransform<Key, Value, NewValue>
    ) -> RowGetter<Key, NewValue> {
        RowGetter<Key, NewValue>(stores: stores + others) { [make] context in
            let (get, transform) = (try make(context), try transform(context))
            return { key, time in
                let row = try get(key, time)
                return try transform(key, row?.value).map { ValueAndTimestamp($0, at: row?.timestamp ?? .none) }
            }
        }
    }
}
