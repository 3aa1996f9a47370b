import MoldauRecords
import MoldauState
import MoldauTopology

extension KStream {
    /// Joins each record with the row of its key. Records without a row, a key or a value are dropped (counted).
    ///
    /// Only the stream's records trigger results, which keep their timestamps and headers. In a versioned table the row
    /// that was valid at the record's time is looked up, in a plain one the latest. Repartitions the stream first if
    /// its key was changed; stream and table must have the same number of partitions.
    ///
    /// ```swift
    /// let located = clicks.join(customers) { page, city in "\(page) from \(city)" }
    /// // customers: ada=Prague
    /// // clicks: ada=/home, bob=/home
    /// // located: ada=/home from Prague
    /// ```
    /// - Parameter grace: each record waits until stream time has passed its timestamp by this much, so that late rows
    ///   are found (KIP-923). Records that are later than this are joined at once. Needs a versioned table with a
    ///   history of at least this length.
    /// - Parameter table: the table to join with.
    /// - Parameter name: the operator's name in descriptions and metrics; nil generates one.
    /// - Parameter joiner: returns the result of a record and its row.
    @inlinable public func join<Row, Result>(
        _ table: KTable<Key, Row>, named name: String? = nil, grace: Duration? = nil,
        _ joiner: @escaping @Sendable (Value, Row) throws -> Result
    ) -> KStream<Key, Result> where Value: StreamCodable {
        join(table, value: Value.serde, named: name, grace: grace) { _, value, row in try joiner(value, row) }
    }

    /// As `join`, with the stream's value serde given and a joiner that gets the key.
    @inlinable public func join<Row, Result>(
        _ table: KTable<Key, Row>, value: Serde<Value>, named name: String? = nil, grace: Duration? = nil,
        _ joiner: @escaping @Sendable (Key, Value, Row) throws -> Result
    ) -> KStream<Key, Result> {
        joining(table, named: name, grace, value: value, isLeft: false) { key, value, row in
            guard let row else { return nil }
            return .some(try joiner(key, value, row))
        }
    }

    /// Joins each record with the row of its key, or with nil if there is none. A record with a value but no key is
    /// joined with nil; one without a value is dropped (counted).
    ///
    /// ```swift
    /// let located = clicks.leftJoin(customers) { page, city in "\(page) from \(city ?? "somewhere")" }
    /// // customers: ada=Prague
    /// // clicks: ada=/home, bob=/home
    /// // located: ada=/home from Prague, bob=/home from somewhere
    /// ```
    @inlinable public func leftJoin<Row, Result>(
        _ table: KTable<Key, Row>, named name: String? = nil, grace: Duration? = nil,
        _ joiner: @escaping @Sendable (Value, Row?) throws -> Result
    ) -> KStream<Key, Result> where Value: StreamCodable {
        leftJoin(table, value: Value.serde, named: name, grace: grace) { _, value, row in try joiner(value, row) }
    }

    /// As `leftJoin`, with the stream's value serde given and a joiner that gets the key.
    @inlinable public func leftJoin<Row, Result>(
        _ table: KTable<Key, Row>, value: Serde<Value>, named name: String? = nil, grace: Duration? = nil,
        _ joiner: @escaping @Sendable (Key, Value, Row?) throws -> Result
    ) -> KStream<Key, Result> {
        joining(table, named: name, grace, value: value, isLeft: true) { .some(try joiner($0, $1, $2)) }
    }

    @inlinable func joining<Row, Result>(
        _ table: KTable<Key, Row>, named name: String?, _ grace: Duration?, value: Serde<Value>, isLeft: Bool,
        _ joiner: @escaping @Sendable (Key, Value, Row?) throws -> Result?
    ) -> KStream<Key, Result> {
        let ends = RepartitionEnds(key: table.key, value: value)
        return joining(table, named: name, grace, value: value, isLeft: isLeft, ends) {
            context, key, getter, isVersioned in
            let get = try getter.lookUp(context, isVersioned: isVersioned)
            return try lookingUp(
                context, isLeft: isLeft, key: key, value: value, mappedKey: { key, _ in key },
                isNullKey: { key.isNull($0) }, expecting: try getter.expectation(context),
                get: { try get($0, $1)?.value }
            ) { key, _, value, row in try joiner(key, value, row) }
        }
    }

    @usableFromInline func joining<Row, Result>(
        _ table: KTable<Key, Row>, named given: String?, _ grace: Duration?, value: Serde<Value>, isLeft: Bool,
        _ ends: RepartitionEnds,
        inlet:
            @escaping @Sendable (NodeContext, Serde<Key>, RowGetter<Key, Row>, _ isVersioned: Bool) throws -> Inlet<
                Key, Value
            >
    ) -> KStream<Key, Result> {
        let stream = partitionedForJoin(named: given, ends)
        let name = builder.name(given, isLeft ? "KSTREAM-LEFTJOIN-" : "KSTREAM-JOIN-")
        let (getter, isVersioned) = (table.content.getter, table.content.isVersioned)
        let key = table.key
        let wait = grace.map {
            GraceWait(join: name, $0, key: key, value: value, kind: builder.options.storeKinds.keyValue)
        }
        if wait != nil, !isVersioned, !table.content.inheritsVersions {
            builder.attempt { throw GraceWait<Key, Value>.needsVersions(join: name) }
        }
        builder.copartition(stream.sources.union(table.sources))
        let node = GraphNode(name) { topology, parents in
            let make: @Sendable (NodeContext) throws -> Any = { context in
                let join = try inlet(context, key, getter, isVersioned)
                return try wait?.inlet(context, before: join) ?? join
            }
            let operation = OperatorDescription.streamTableJoin(
                isLeft ? .left : .inner, graceMs: grace?.milliseconds)
            try topology.add(TopologyNode(name, .processor(make: make), operation, parents: parents))
            // The table may be written to the topology after this node: its stores are connected when all nodes have
            // been added.
            for store in getter.stores { try topology.connect(name, toStore: store) }
            try wait?.add(to: &topology, tables: getter.stores)
        }
        node.joinsNullKeys = isLeft
        node.changesValue = true
        builder.add(node, below: [stream.node])
        return KStream<Key, Result>(
            builder: builder, node: node, sources: stream.sources.union(table.sources), isKeyChanged: false,
            origin: "\(origin)-\(table.origin)")
    }

    /// Joins each record with the row of a key that `selector` computes from it. Records without a row, or for which
    /// `selector` returns no key, are dropped (counted).
    ///
    /// No repartition is needed: every stream thread has all rows.
    ///
    /// ```swift
    /// let visits = clicks.join(titles, on: { _, page in page }) { _, title in title }
    /// // titles: /home=Welcome
    /// // clicks: ada=/home, bob=/shop
    /// // visits: ada=Welcome
    /// ```
    @inlinable public func join<RowKey, Row, Result>(
        _ table: GlobalKTable<RowKey, Row>, on selector: @escaping @Sendable (Key, Value) throws -> RowKey?,
        named name: String? = nil, _ joiner: @escaping @Sendable (Value, Row) throws -> Result
    ) -> KStream<Key, Result> where Key: StreamCodable, Value: StreamCodable {
        join(table, on: selector, key: Key.serde, value: Value.serde, named: name) { _, _, value, row in
            try joiner(value, row)
        }
    }

    /// As `join` with a global table, with the stream's serdes given and a joiner that gets both keys.
    ///
    /// ```swift
    /// let text = String.serde
    /// let visits = clicks.join(titles, on: { _, page in page }, key: text, value: text) { name, page, _, title in
    ///     "\(name) saw \(title) at \(page)"
    /// }
    /// // titles: /home=Welcome
    /// // clicks: ada=/home
    /// // visits: ada=ada saw Welcome at /home
    /// ```
    @inlinable public func join<RowKey, Row, Result>(
        _ table: GlobalKTable<RowKey, Row>, on selector: @escaping @Sendable (Key, Value) throws -> RowKey?,
        key: Serde<Key>, value: Serde<Value>, named name: String? = nil,
        _ joiner: @escaping @Sendable (Key, RowKey, Value, Row) throws -> Result
    ) -> KStream<Key, Result> {
        joining(table, selector, named: name, key: key, value: value, isLeft: false) { key, rowKey, value, row in
            guard let rowKey, let row else { return nil }
            return .some(try joiner(key, rowKey, value, row))
        }
    }

    /// As `join` with a global table, but a record without a row is joined with nil.
    ///
    /// ```swift
    /// let visits = clicks.leftJoin(titles, on: { _, page in page }) { page, title in title ?? page }
    /// // titles: /home=Welcome
    /// // clicks: ada=/home, bob=/shop
    /// // visits: ada=Welcome, bob=/shop
    /// ```
    @inlinable public func leftJoin<RowKey, Row, Result>(
        _ table: GlobalKTable<RowKey, Row>, on selector: @escaping @Sendable (Key, Value) throws -> RowKey?,
        named name: String? = nil, _ joiner: @escaping @Sendable (Value, Row?) throws -> Result
    ) -> KStream<Key, Result> where Key: StreamCodable, Value: StreamCodable {
        leftJoin(table, on: selector, key: Key.serde, value: Value.serde, named: name) { _, _, value, row in
            try joiner(value, row)
        }
    }

    /// As `leftJoin` with a global table, with the stream's serdes given and a joiner that gets both keys. The row's
    /// key is nil if `selector` returned none for a record without a key; if it returns none for a record with a key,
    /// that record is dropped (counted).
    @inlinable public func leftJoin<RowKey, Row, Result>(
        _ table: GlobalKTable<RowKey, Row>, on selector: @escaping @Sendable (Key, Value) throws -> RowKey?,
        key: Serde<Key>, value: Serde<Value>, named name: String? = nil,
        _ joiner: @escaping @Sendable (Key, RowKey?, Value, Row?) throws -> Result
    ) -> KStream<Key, Result> {
        joining(table, selector, named: name, key: key, value: value, isLeft: true) {
            .some(try joiner($0, $1, $2, $3))
        }
    }

    @inlinable func joining<RowKey, Row, Result>(
        _ table: GlobalKTable<RowKey, Row>, _ selector: @escaping @Sendable (Key, Value) throws -> RowKey?,
        named name: String?, key: Serde<Key>, value: Serde<Value>, isLeft: Bool,
        _ joiner: @escaping @Sendable (Key, RowKey?, Value, Row?) throws -> Result?
    ) -> KStream<Key, Result> {
        joining(named: name, isLeft: isLeft, storeName: table.storeName, rowKey: table.key) {
            context, storeName, rowKey in
            let rows: TimestampedKeyValueStore<RowKey, Row> = try context.globalStore(named: storeName)
            return try lookingUp(
                context, isLeft: isLeft, key: key, value: value, mappedKey: selector,
                isNullKey: { $0.map { rowKey.isNull($0) } ?? true },
                get: { key, _ in try key.flatMap { try rows.get($0)?.value } }, joiner)
        }
    }

    @usableFromInline func joining<RowKey, Result>(
        named given: String?, isLeft: Bool, storeName: String, rowKey: Serde<RowKey>,
        inlet: @escaping @Sendable (NodeContext, _ store: String, Serde<RowKey>) throws -> Inlet<Key, Value>
    ) -> KStream<Key, Result> {
        // Kafka Streams uses this prefix for inner joins with global tables too.
        let name = builder.name(given, "KSTREAM-LEFTJOIN-")
        let node = GraphNode(name) { topology, parents in
            let make: @Sendable (NodeContext) throws -> Any = { context in try inlet(context, storeName, rowKey) }
            let operation = OperatorDescription.streamGlobalTableJoin(isLeft ? .left : .inner)
            try topology.add(TopologyNode(name, .processor(make: make), operation, parents: parents))
        }
        node.joinsNullKeys = isLeft
        node.changesValue = true
        builder.add(node, below: [self.node])
        return KStream<Key, Result>(
            builder: builder, node: node, sources: sources, isKeyChanged: isKeyChanged, origin: origin)
    }
}

/// The node that looks up a row for each record of a stream. `joiner` returns nil for "no result".
@inlinable func lookingUp<Key, Value, RowKey, Row, Result>(
    _ context: NodeContext, isLeft: Bool, key: Serde<Key>, value: Serde<Value>,
    mappedKey: @escaping (Key, Value) throws -> RowKey, isNullKey: @escaping (RowKey) -> Bool,
    expecting expect: Inlet<Key, Value>.Expect? = nil, get: @escaping (RowKey, Timestamp) throws -> Row?,
    _ joiner: @escaping @Sendable (Key, RowKey, Value, Row?) throws -> Result?
) throws -> Inlet<Key, Value> {
    let forward = try context.next(Key.self, Result.self).receiveParts
    let (isNullStreamKey, isNullValue) = (key.null?.isNull, value.null?.isNull)
    return Inlet(
        expecting: expect,
        parts: { key, value, timestamp, headers in
            if isNullValue?(value) ?? false { return context.drop(.nullValue) }
            let result: Result?
            do {
                let mapped = try mappedKey(key, value)
                let isNull = isNullKey(mapped)
                if isNull, !(isLeft && isNullStreamKey?(key) ?? false) { return context.drop(.nullJoinKey) }
                result = try joiner(key, mapped, value, isNull ? nil : try get(mapped, timestamp))
            } catch { return try context.failed(error) }
            guard let result else { return context.drop(.noMatch) }
            try forward(key, result, timestamp, headers)
        })
}
