import MoldauRecords
import MoldauState
import MoldauTopology

extension KTable {
    /// Joins each row with the row of another table whose key it contains: there is a result while both rows exist.
    ///
    /// An update of a row here gives one result; an update of a row of the other table gives one for each row that
    /// refers to it. The tables may have different numbers of partitions: rows and answers travel through two internal
    /// topics, so a result comes a little later than its cause, and quick updates of a row may give one result only.
    ///
    /// ```swift
    /// let shipments = openOrders.join(customers, on: \.customer) { order, city in "\(order.amount) to \(city)" }
    /// // openOrders: o1=ada 120, o2=ada 30
    /// // customers: ada=Prague
    /// // shipments: o1=120 to Prague, o2=30 to Prague
    /// ```
    /// - Parameters:
    ///   - foreignKey: the other row's key; nil for none (dropped, counted).
    ///   - store: gives the result a store of that name.
    ///   - partitioners: the partitions of the tables' rows, if their topics were not partitioned by the hash of the
    ///     keys.
    ///   - joiner: nil deletes the result.
    ///   - other: the table to join with.
    ///   - name: the operator's name in descriptions and metrics; nil generates one.
    public func join<ForeignKey, Other: StreamCodable, Result: StreamCodable>(
        _ other: KTable<ForeignKey, Other>, on foreignKey: @escaping @Sendable (Value) throws -> ForeignKey?,
        as store: (any TableMaterialization<Key, Result>)? = nil, named name: String? = nil,
        partitioners: TablePartitioners<Key, ForeignKey> = TablePartitioners(),
        _ joiner: @escaping @Sendable (Value, Other) throws -> Result?
    ) -> KTable<Key, Result> where Value: StreamCodable {
        join(
            other, on: { try foreignKey($1) }, value: Value.serde, otherValue: Other.serde, result: Result.serde,
            as: store, named: name, partitioners: partitioners, joiner)
    }

    /// As `join` on a foreign key, with the given serdes and a foreign key that may be computed from the row's key too.
    public func join<ForeignKey, Other, Result>(
        _ other: KTable<ForeignKey, Other>, on foreignKey: @escaping @Sendable (Key, Value) throws -> ForeignKey?,
        value: Serde<Value>, otherValue: Serde<Other>, result: Serde<Result>,
        as store: (any TableMaterialization<Key, Result>)? = nil, named name: String? = nil,
        partitioners: TablePartitioners<Key, ForeignKey> = TablePartitioners(),
        _ joiner: @escaping @Sendable (Value, Other) throws -> Result?
    ) -> KTable<Key, Result> {
        let rows = ForeignKeyRows<Key, Value, ForeignKey, Other, Result>(
            left: (key, value), right: (other.key, otherValue), foreignKey: foreignKey, isLeft: false,
            dropsHistory: (content.isVersioned, other.content.isVersioned), partitioners: partitioners
        ) { left, right in
            guard let right else { return nil }
            return try joiner(left, right)
        }
        return joining(other, rows, result: store?.value ?? result, as: store, named: name)
    }

    /// As `join` on a foreign key, but there is a result while this table's row exists: it is joined with nil if there
    /// is no other row or no foreign key.
    ///
    /// ```swift
    /// let shipments = openOrders.leftJoin(customers, on: \.customer) { order, city in
    ///     "\(order.amount) to \(city ?? "?")"
    /// }
    /// // openOrders: o1=ada 120
    /// // customers: ada=Prague
    /// // shipments: o1=120 to ?, o1=120 to Prague
    /// ```
    public func leftJoin<ForeignKey, Other: StreamCodable, Result: StreamCodable>(
        _ other: KTable<ForeignKey, Other>, on foreignKey: @escaping @Sendable (Value) throws -> ForeignKey?,
        as store: (any TableMaterialization<Key, Result>)? = nil, named name: String? = nil,
        partitioners: TablePartitioners<Key, ForeignKey> = TablePartitioners(),
        _ joiner: @escaping @Sendable (Value, Other?) throws -> Result?
    ) -> KTable<Key, Result> where Value: StreamCodable {
        leftJoin(
            other, on: { try foreignKey($1) }, value: Value.serde, otherValue: Other.serde, result: Result.serde,
            as: store, named: name, partitioners: partitioners, joiner)
    }

    /// As `leftJoin` on a foreign key, with the given serdes and a foreign key that may be computed from the row's key
    /// too.
    public func leftJoin<ForeignKey, Other, Result>(
        _ other: KTable<ForeignKey, Other>, on foreignKey: @escaping @Sendable (Key, Value) throws -> ForeignKey?,
        value: Serde<Value>, otherValue: Serde<Other>, result: Serde<Result>,
        as store: (any TableMaterialization<Key, Result>)? = nil, named name: String? = nil,
        partitioners: TablePartitioners<Key, ForeignKey> = TablePartitioners(),
        _ joiner: @escaping @Sendable (Value, Other?) throws -> Result?
    ) -> KTable<Key, Result> {
        let rows = ForeignKeyRows(
            left: (key, value), right: (other.key, otherValue), foreignKey: foreignKey, isLeft: true,
            dropsHistory: (content.isVersioned, other.content.isVersioned), partitioners: partitioners,
            joiner: joiner)
        return joining(other, rows, result: store?.value ?? result, as: store, named: name)
    }

    private func joining<ForeignKey, Other, Result>(
        _ other: KTable<ForeignKey, Other>, _ rows: ForeignKeyRows<Key, Value, ForeignKey, Other, Result>,
        result: Serde<Result>, as store: (any TableMaterialization<Key, Result>)?, named given: String?
    ) -> KTable<Key, Result> {
        let origin = "\(origin)-\(other.origin)"
        other.content.sendOldValues(force: true)
        content.sendOldValues(force: true)
        let names = ForeignKeyJoinNames(given, origin: origin, in: builder)
        let choice = StoreChoice(store, key: key, in: builder) {
            builder.names.store("KTABLE-FK-JOIN-OUTPUT-", origin: origin, operation: "join")
        }
        let subscriptions = StoreDefinition(
            rows.subscriptionStore(names.store), kind: builder.options.storeKinds.keyValue)
        let output = TableSource(names.result, choice, key: key, value: result)
        let (left, right) = (content.getter, other.content.getter)
        let parents = (left: name, right: other.name)
        let node = GraphNode(names.result) { topology, _ in
            try rows.add(names, below: parents, left, right, subscriptions, to: &topology)
            try output.write(
                into: &topology, below: [names.resolver],
                TableInput<Key, Result>.make(key: { (key: Key) in key }, value: { (row: Result?) in row }))
        }
        builder.copartition(other.sources.union([names.registrationSource]))
        builder.copartition(sources.union([names.responseSource]))
        builder.add(node, below: [self.node, other.node])
        return KTable<Key, Result>(
            builder: builder, node: node, sources: sources.union([names.responseSource]), origin: origin, key: key,
            content: output.content)
    }
}

/// The names of a foreign-key join's nodes, topics and store, in the order in which Kafka Streams numbers them.
struct ForeignKeyJoinNames: Sendable {
    let registrationTopic: String
    let send: String
    let registrationSink: String
    let registrationSource: String
    let store: String
    let receive: String
    let lookUp: String
    let notify: String
    let responseTopic: String
    let responseSink: String
    let responseSource: String
    let resolver: String
    let result: String
    /// The node that asks again; nil with Kafka Streams' topology, which does not.
    let asker: String?

    init(_ given: String?, origin: String, in builder: StreamsBuilder) {
        let (names, given) = (builder.names, given.map { builder.checked($0) })
        func name(_ suffix: String, _ prefix: String) -> String { names.processor(given, suffix: suffix, prefix) }
        func topic(_ operation: String, _ prefix: String) -> String {
            let generated = name("-\(operation)", prefix)
            let short =
                given == nil ? names.settled(generated, origin: origin, operation: operation) : generated
            return short + "-topic"
        }
        let registration = "KTABLE-FK-JOIN-SUBSCRIPTION-REGISTRATION-"
        let processor = "KTABLE-FK-JOIN-SUBSCRIPTION-PROCESSOR-"
        registrationTopic = topic("subscription-registration", registration)
        send = name("-subscription-registration-processor", registration)
        registrationSink = name("-subscription-registration-sink", "KTABLE-SINK-")
        registrationSource = name("-subscription-registration-source", "KTABLE-SOURCE-")
        let generated = names.store("KTABLE-FK-JOIN-SUBSCRIPTION-", origin: origin, operation: "subscription-store")
        store = given.map { $0 + "-subscription-store" } ?? generated
        receive = name("-subscription-receive", processor)
        lookUp = name("-subscription-join-foreign", processor)
        notify = name("-foreign-join-subscription", processor)
        responseTopic = topic("subscription-response", "KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-")
        responseSink = name("-subscription-response-sink", "KTABLE-SINK-")
        responseSource = name("-subscription-response-source", "KTABLE-SOURCE-")
        resolver = name("-subscription-response-resolver", "KTABLE-FK-JOIN-SUBSCRIPTION-RESPONSE-RESOLVER-PROCESSOR-")
        result = name("-result", "KTABLE-FK-JOIN-OUTPUT-")
        asker = builder.options.naming == .kafkaStreams ? nil : resolver + "-asks-again"
    }
}
