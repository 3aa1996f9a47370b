import MoldauRecords
import MoldauState
import MoldauTopology

extension KTable {
    /// Joins the rows of equal keys: there is a result while both rows exist. If the joiner returns nil, the result is
    /// deleted.
    ///
    /// An update on either side updates the result; its timestamp is the later one of the two rows. Both tables must
    /// have the same number of partitions.
    ///
    /// ```swift
    /// let cards = customers.join(phones) { city, phone in "\(city) \(phone)" }
    /// // customers: ada=Prague
    /// // phones: ada=123, bob=456
    /// // cards: ada=Prague 123
    /// ```
    /// - Parameters:
    ///   - result: the serde of the results, if they are kept in a store that has no name: with it alone they are.
    ///   - store: keeps the results in a store of their own.
    ///   - other: the table to join with.
    ///   - name: the operator's name in descriptions and metrics; nil generates one.
    ///   - joiner: returns the result of two rows.
    public func join<Other, Result>(
        _ other: KTable<Key, Other>, result: Serde<Result>? = nil,
        as store: (any TableMaterialization<Key, Result>)? = nil, named name: String? = nil,
        _ joiner: @escaping @Sendable (Value, Other) throws -> Result?
    ) -> KTable<Key, Result> {
        joining(other, as: store, named: name, result, .inner) { left, right in
            guard let left, let right else { return nil }
            return try joiner(left, right)
        }
    }

    /// Joins the rows of equal keys: there is a result while this table's row exists.
    ///
    /// ```swift
    /// let cards = customers.leftJoin(phones) { city, phone in "\(city) \(phone ?? "-")" }
    /// // customers: ada=Prague
    /// // phones: ada=123, bob=456
    /// // cards: ada=Prague -, ada=Prague 123
    /// ```
    public func leftJoin<Other, Result>(
        _ other: KTable<Key, Other>, result: Serde<Result>? = nil,
        as store: (any TableMaterialization<Key, Result>)? = nil, named name: String? = nil,
        _ joiner: @escaping @Sendable (Value, Other?) throws -> Result?
    ) -> KTable<Key, Result> {
        joining(other, as: store, named: name, result, .left) { left, right in
            guard let left else { return nil }
            return try joiner(left, right)
        }
    }

    /// Joins the rows of equal keys: there is a result while either row exists.
    ///
    /// ```swift
    /// let cards = customers.outerJoin(phones) { city, phone in "\(city ?? "-") \(phone ?? "-")" }
    /// // customers: ada=Prague
    /// // phones: ada=123, bob=456
    /// // cards: ada=Prague -, ada=Prague 123, bob=- 456
    /// ```
    public func outerJoin<Other, Result>(
        _ other: KTable<Key, Other>, result: Serde<Result>? = nil,
        as store: (any TableMaterialization<Key, Result>)? = nil, named name: String? = nil,
        _ joiner: @escaping @Sendable (Value?, Other?) throws -> Result?
    ) -> KTable<Key, Result> {
        joining(other, as: store, named: name, result, .outer) { left, right in
            left == nil && right == nil ? nil : try joiner(left, right)
        }
    }

    private func joining<Other, Result>(
        _ other: KTable<Key, Other>, as store: (any TableMaterialization<Key, Result>)?, named given: String?,
        _ result: Serde<Result>?, _ kind: JoinKind,
        _ joiner: @escaping @Sendable (Value?, Other?) throws -> Result?
    ) -> KTable<Key, Result> {
        let (builder, key) = (builder, key)
        let value = store?.value ?? result
        if store != nil, value == nil {
            builder.attempt {
                throw TopologyError.invalidSetting(
                    name: given ?? "join",
                    reason: "a store with a generated name needs `result:`, the serde of the results")
            }
        }
        let choice = value.map { _ in
            StoreChoice(store, key: key, in: builder) {
                builder.names.store("KTABLE-MERGE-", origin: "\(origin)-\(other.origin)", operation: "join")
            }
        }
        let merge = builder.name(given, "KTABLE-MERGE-")
        if kind != .inner { self.content.sendOldValues(force: true) }
        if kind == .outer { other.content.sendOldValues(force: true) }
        let this = builder.names.processor(given, suffix: "-join-this", "KTABLE-JOINTHIS-")
        let that = builder.names.processor(given, suffix: "-join-other", "KTABLE-JOINOTHER-")
        let (left, right) = (self.content.getter, other.content.getter)
        let mine = self.content
        let storeName = choice?.name
        let content = TableContent<Key, Result>(
            askUpstream: { _ in
                mine.sendOldValues(force: true)
                other.content.sendOldValues(force: true)
                return true
            },
            makeGetter: { storeName.map { .store($0) } ?? left.joined(right, joiner) })
        let names = [name, other.name]
        let node = GraphNode(merge) { topology, _ in
            let old = content.sendsOldValues
            let makeThis = TableJoinSide<Key, Value, Other, Result>(
                needsOther: kind == .inner, dropsHistory: mine.isVersioned, sendsOldValues: old, key: key, get: right,
                join: joiner)
            let makeThat = TableJoinSide<Key, Other, Value, Result>(
                needsOther: kind != .outer, dropsHistory: other.content.isVersioned, sendsOldValues: old, key: key,
                get: left
            ) { try joiner($1, $0) }
            let operation = OperatorDescription.tableJoin(kind)
            try topology.add(
                TopologyNode(this, .processor(make: { try makeThis.inlet($0) }), operation, parents: [names[0]]))
            try topology.add(
                TopologyNode(that, .processor(make: { try makeThat.inlet($0) }), operation, parents: [names[1]]))
            let merging = TableJoinMerge<Key, Result>(
                store: storeName, emission: choice?.emission ?? .everyChange, key: key, sendsOldValues: old)
            try topology.add(
                TopologyNode(
                    merge, .processor(make: { try merging.inlet($0) }),
                    .gather(emit: choice?.emission.described ?? .everyChange), parents: [this, that]))
            for store in right.stores { try topology.connect(this, toStore: store) }
            for store in left.stores { try topology.connect(that, toStore: store) }
            if let value, let choice { try topology.add(choice.definition(key: key, value: value), for: [merge]) }
        }
        builder.copartition(sources.union(other.sources))
        builder.add(node, below: [self.node, other.node])
        return KTable<Key, Result>(
            builder: builder, node: node, sources: sources.union(other.sources), origin: "\(origin)-\(other.origin)",
            key: key, content: content)
    }
}

/// One side of a join: an update here is joined with the other side's row. `join` gets this side's row first.
private struct TableJoinSide<Key, Value, Other, Result>: Sendable {
    /// Whether there is no result without the other side's row.
    let needsOther: Bool
    /// Whether late updates of a versioned table may arrive: they change no result and are dropped.
    let dropsHistory: Bool
    let sendsOldValues: Bool
    let key: Serde<Key>
    let get: RowGetter<Key, Other>
    let join: @Sendable (Value?, Other?) throws -> Result?

    func inlet(_ context: NodeContext) throws -> Inlet<Key, Change<Value>> {
        let forward = try context.nextCounted(Key.self, Change<Result>.self).receive
        let lookUp = try get.make(context)
        let keyNull = key.null
        return Inlet { record in
            if let keyNull, keyNull.isNull(record.key) { return context.drop(.nullKey) }
            let change = record.value
            if dropsHistory, !change.isLatest { return context.drop(.outOfOrder) }
            let timestamp: Timestamp
            let new: Result?
            let old: Result?
            do {
                let other = try lookUp(record.key, nil)
                // No result, before or after: in an inner join without the other row, or if this row existed neither
                // before nor after the change.
                if other == nil, needsOther || (change.new == nil && change.old == nil) { return }
                timestamp = max(record.timestamp, other?.timestamp ?? record.timestamp)
                new = try join(change.new, other?.value)
                old = sendsOldValues ? try join(change.old, other?.value) : nil
            } catch { return try context.failed(error) }
            try forward(
                Record(
                    key: record.key, value: Change(new: new, old: old), timestamp: timestamp, headers: record.headers))
        }
    }
}

/// The node where both sides' results come together; stored if the user named a store.
private struct TableJoinMerge<Key, Result>: Sendable {
    let store: String?
    let emission: Emission
    let key: Serde<Key>
    let sendsOldValues: Bool

    func inlet(_ context: NodeContext) throws -> Inlet<Key, Change<Result>> {
        guard let store else { return try context.next() }
        let rows = try TableRows<Key, Result>(context, store)
        let changes = try ChangeForwarder<Key, Result>(
            context, store: store, emission: emission, key: key, sendsOldValues: sendsOldValues)
        return Inlet { record in
            let new = record.value.new
            let old = changes.isHolding ? try rows.get(record.key)?.value : record.value.old
            let result = try rows.put(record.key, new, at: record.timestamp)
            try changes.send(record, new: new, old: old, at: record.timestamp, result)
        }
    }
}

extension RowGetter {
    /// Looks up the rows of a join that has no store of its own.
    fileprivate func joined<Other, Result>(
        _ other: RowGetter<Key, Other>, _ joiner: @escaping @Sendable (Value?, Other?) throws -> Result?
    ) -> RowGetter<Key, Result> {
        RowGetter<Key, Result>(stores: stores + other.stores) { [make] context in
            let (left, right) = (try make(context), try other.make(context))
            return { key, _ in
                let (mine, others) = (try left(key, nil), try right(key, nil))
                guard let later = [mine?.timestamp, others?.timestamp].compactMap({ $0 }).max(),
                    let result = try joiner(mine?.value, others?.value)
                else { return nil }
                return ValueAndTimestamp(result, at: later)
            }
        }
    }
}
