// How a foreign-key join works. A left row lives in the partition of its own key, the right row that it refers to in
// the partition of the foreign key, so the two tasks exchange messages:
//
//     left task                               right task
//     send ── registration topic ─▸ receive (keeps the subscription) ─▸ lookUp ─┐
//                                             right table's change ──▸ notify ──┤
//     resolver ◂── response topic ──────────────────────────────────────────────┘
//
// An answer carries the hash of the left row that asked. The resolver compares it with the hash of the current row, and
// drops answers for rows that have changed since: the answer for the new row is on its way.
//
// In an inner join that is not always true: when a row starts to refer to a right row that does not exist, no answer is
// sent, as there is no result to delete. But the answer that would have deleted the result of an older version of the
// row may still be on its way then, and would be dropped. So the left task looks at each dropped answer that says "no
// row": if the left row is gone, or refers to none, it has no result; otherwise the task asks again. Kafka Streams
// leaves the outdated result.

import MoldauRecords
import MoldauState
import MoldauTopology

/// A foreign-key join: its types, serdes and functions; makes the nodes.
struct ForeignKeyRows<Key, Value, ForeignKey, Other, Result>: Sendable {
    let left: (key: Serde<Key>, value: Serde<Value>)
    let right: (key: Serde<ForeignKey>, value: Serde<Other>)
    let foreignKey: @Sendable (Key, Value) throws -> ForeignKey?
    /// Whether a left row has a result without a right row.
    let isLeft: Bool
    /// Whether late updates, which change no result, may arrive and must be dropped.
    let dropsHistory: (left: Bool, right: Bool)
    let partitioners: TablePartitioners<Key, ForeignKey>
    let joiner: @Sendable (Value, Other?) throws -> Result?

    typealias Message = Subscription<Key>
    typealias Response = SubscriptionResponse<Other>
    typealias StoredKey = CombinedKey<ForeignKey, Key>

    /// The serdes of keys inside other keys and messages: a serde that is made per topic gets a topic name of its own
    /// for them.
    private var partKeys: (primary: Serde<Key>, foreign: Serde<ForeignKey>) {
        (left.key.at(suffix: "-pk", .key), right.key.at(suffix: "-fk", .key))
    }

    /// The join with serdes for comparing rows and keys in a task: those of the topic of subscriptions.
    private func compared(_ context: NodeContext, _ topic: String) -> ForeignKeyRows {
        let topic = context.task.topicName(topic)
        return ForeignKeyRows(
            left: (left.key, left.value.at(topic + "-vh", .value)),
            right: (right.key.at(topic + "-fk", .key), right.value),
            foreignKey: foreignKey, isLeft: isLeft, dropsHistory: dropsHistory, partitioners: partitioners,
            joiner: joiner)
    }

    func subscriptionStore(_ name: String) -> TableStoreName<StoredKey, Message> {
        TableStoreName(
            name, key: StoredKey.serde(foreignKey: partKeys.foreign, primaryKey: partKeys.primary),
            value: Message.serde(primaryKey: partKeys.primary))
    }

    func add(
        _ names: ForeignKeyJoinNames, below parents: (left: String, right: String), _ leftRows: RowGetter<Key, Value>,
        _ rightRows: RowGetter<ForeignKey, Other>, _ subscriptions: StoreDefinition, to topology: inout Topology
    ) throws {
        func processor(
            _ step: ForeignKeyJoinStep, _ name: String, _ parent: String,
            _ make: @escaping @Sendable (NodeContext) throws -> Any
        ) throws {
            let operation = OperatorDescription.foreignKeyJoin(isLeft ? .left : .inner, step)
            try topology.add(TopologyNode(name, .processor(make: make), operation, parents: [parent]))
        }
        func connect(_ name: String, _ stores: [String]) throws {
            for store in stores { try topology.connect(name, toStore: store) }
        }
        try processor(.subscribe, names.send, parents.left) { try compared($0, names.registrationTopic).send($0) }
        let message = Message.serde(primaryKey: partKeys.primary)
        try topology.add(
            topic: names.registrationTopic, sink: names.registrationSink, source: names.registrationSource,
            below: [names.send], key: right.key.optional, value: message, partitioner: toRightTable)
        try processor(.keepSubscriptions, names.receive, names.registrationSource) {
            try receive($0, store: names.store)
        }
        try topology.add(subscriptions, for: [names.receive])
        try processor(.answer, names.lookUp, names.receive) { try lookUp($0, rightRows) }
        try connect(names.lookUp, rightRows.stores)
        try processor(.notify, names.notify, parents.right) { try notify($0, store: names.store) }
        try connect(names.notify, [names.store])
        try topology.add(
            topic: names.responseTopic, sink: names.responseSink, source: names.responseSource,
            below: [names.lookUp, names.notify], key: left.key, value: Response.serde(foreign: right.value),
            partitioner: toLeftTable)
        try processor(.resolve, names.resolver, names.responseSource) {
            try compared($0, names.registrationTopic).resolve($0, leftRows, deletesStale: !isLeft && names.asker != nil)
        }
        try connect(names.resolver, leftRows.stores)
        guard !isLeft, let asker = names.asker else { return }
        try processor(.askAgain, asker, names.responseSource) {
            try compared($0, names.registrationTopic).askAgain($0, leftRows)
        }
        try connect(asker, leftRows.stores)
        try topology.add(
            sink: asker + "-sink", topic: names.registrationTopic, below: [asker], key: right.key.optional,
            value: message, partitioner: toRightTable)
    }

    private var toRightTable: StreamPartitioner<ForeignKey?, Message>? {
        guard let partitioner = partitioners.right else { return nil }
        return { topic, key, _, count in try key.flatMap { try partitioner(topic, $0, (), count) } }
    }

    /// Sends an answer to the partition that the subscription came from, unless the user's partitioner determines the
    /// row's partition.
    private var toLeftTable: StreamPartitioner<Key, Response> {
        guard let partitioner = partitioners.left else {
            return { _, _, response, _ in response.primaryPartition.map { [$0] } }
        }
        return { topic, key, _, count in try partitioner(topic, key, (), count) }
    }

    // MARK: The left task asks

    /// Turns a change of a left row into subscriptions, following KAFKA-16394 and KAFKA-16407.
    private func send(_ context: NodeContext) throws -> Inlet<Key, Change<Value>> {
        let forward = try context.nextCounted(ForeignKey?.self, Message.self).receive
        let partition = context.task.taskID.partition
        return Inlet { record in
            if dropsHistory.left, !record.value.isLatest { return context.drop(.outOfOrder) }
            let messages: [(ForeignKey?, Message.Instruction)]
            let hash: Hash128?
            do {
                let old = try record.value.old.flatMap { try key(of: record.key, $0) }
                let new = try record.value.new.flatMap { try key(of: record.key, $0) }
                hash = try record.value.new.map { try self.hash($0) }
                messages = isLeft ? try leftMessages(record.value, old, new) : try innerMessages(old, new)
                if !isLeft, record.value.new != nil, new == nil { context.drop(.nullJoinKey) }
            } catch { return try context.failed(error) }
            for (foreignKey, instruction) in messages {
                let message = Message(
                    hash: hash, instruction: instruction, primaryKey: record.key, primaryPartition: partition)
                try forward(record.with(key: foreignKey, value: message))
            }
        }
    }

    private func leftMessages(
        _ change: Change<Value>, _ old: ForeignKey?, _ new: ForeignKey?
    ) throws -> [(ForeignKey?, Message.Instruction)] {
        if change.old == nil, change.new == nil { return [] }
        // Without a foreign key the answer is "no row". A left join needs that answer too, also to delete the result.
        let asking = (new, Message.Instruction.answerAlways)
        guard let old, try !areEqual(old, new) else { return [asking] }
        return [(old, .deleteSilently), asking]
    }

    private func innerMessages(
        _ old: ForeignKey?, _ new: ForeignKey?
    ) throws -> [(ForeignKey?, Message.Instruction)] {
        switch (old, new) {
        case (nil, nil): []
        // The old row may have had a result.
        case (let old?, nil): [(old, .deleteAndAnswer)]
        // There was no result, or it came from the same right row.
        case (nil, let new?): [(new, .answerIfFound)]
        case (let old?, let new?) where try areEqual(old, new): [(new, .answerIfFound)]
        case (let old?, let new?): [(old, .deleteSilently), (new, .answerAlways)]
        }
    }

    private func key(of key: Key, _ value: Value) throws -> ForeignKey? {
        try foreignKey(key, value).flatMap { right.key.isNull($0) ? nil : $0 }
    }

    private func areEqual(_ old: ForeignKey, _ new: ForeignKey?) throws -> Bool {
        guard let new else { return false }
        return try right.key.bytes(of: old) == right.key.bytes(of: new)
    }

    private func hash(_ value: Value) throws -> Hash128 {
        var bytes = ByteWriter()
        try left.value.encode(value, &bytes)
        return Hash128(murmur3Of: bytes.bytes)
    }

    // MARK: The right task answers

    private func receive(_ context: NodeContext, store: String) throws -> Inlet<ForeignKey?, Message> {
        let subscriptions: TimestampedKeyValueStore<StoredKey, Message> = try context.store(named: store)
        let forward = try context.nextCounted(ForeignKey?.self, Message.self).receive
        return Inlet { record in
            if let foreignKey = record.key {
                let key = StoredKey(foreignKey: foreignKey, primaryKey: record.value.primaryKey)
                switch record.value.instruction {
                case .deleteSilently, .deleteAndAnswer: try subscriptions.put(key, nil)
                case .answerAlways, .answerIfFound:
                    try subscriptions.put(key, ValueAndTimestamp(record.value, at: record.timestamp))
                }
            } else if record.value.instruction != .answerAlways {
                return context.drop(.nullJoinKey)
            }
            try forward(record)
        }
    }

    /// Answers a subscription with the current right row.
    private func lookUp(
        _ context: NodeContext, _ rightRows: RowGetter<ForeignKey, Other>
    ) throws -> Inlet<ForeignKey?, Message> {
        let forward = try context.nextCounted(Key.self, Response.self).receive
        let get = try rightRows.make(context)
        return Inlet { record in
            let found: ValueAndTimestamp<Other>?
            do { found = try record.key.flatMap { try get($0, nil) } } catch { return try context.failed(error) }
            let message = record.value
            let value: Other?
            switch message.instruction {
            case .deleteSilently: return
            case .deleteAndAnswer: value = nil
            case .answerAlways: value = found?.value
            case .answerIfFound:
                guard let found else { return }
                value = found.value
            }
            let response = Response(hash: message.hash, foreign: value, primaryPartition: message.primaryPartition)
            let timestamp = max(record.timestamp, found?.timestamp ?? record.timestamp)
            try forward(record.with(key: message.primaryKey, value: response).with(timestamp: timestamp))
        }
    }

    /// Notifies all subscribers of a right row that it has changed.
    private func notify(_ context: NodeContext, store: String) throws -> Inlet<ForeignKey, Change<Other>> {
        let subscriptions: TimestampedKeyValueStore<StoredKey, Message> = try context.store(named: store)
        let forward = try context.nextCounted(Key.self, Response.self).receive
        let prefix = StoredKey.prefixSerde(partKeys.foreign)
        let keyNull = right.key.null
        return Inlet { record in
            if let keyNull, keyNull.isNull(record.key) { return context.drop(.nullKey) }
            if dropsHistory.right, !record.value.isLatest { return context.drop(.outOfOrder) }
            try subscriptions.prefixScan(record.key, serde: prefix).forEach { key, row in
                let response = Response(
                    hash: row.value.hash, foreign: record.value.new, primaryPartition: row.value.primaryPartition)
                try forward(record.with(key: key.primaryKey, value: response))
            }
        }
    }

    // MARK: The left task joins

    /// Asks for the right row of a left row whose older version was answered with "no row".
    private func askAgain(
        _ context: NodeContext, _ leftRows: RowGetter<Key, Value>
    ) throws -> Inlet<Key, Response> {
        let forward = try context.nextCounted(ForeignKey?.self, Message.self).receive
        let (get, partition) = (try leftRows.make(context), context.task.taskID.partition)
        return Inlet { record in
            guard record.value.foreign == nil else { return }
            let (foreignKey, hash): (ForeignKey, Hash128)
            do {
                guard let row = try get(record.key, nil)?.value, let found = try key(of: record.key, row) else {
                    return
                }
                (foreignKey, hash) = (found, try self.hash(row))
            } catch { return try context.failed(error) }
            guard hash != record.value.hash else { return }
            let message = Message(
                hash: hash, instruction: .answerAlways, primaryKey: record.key, primaryPartition: partition)
            try forward(record.with(key: foreignKey, value: message))
        }
    }

    /// - Parameter deletesStale: whether an answer for an older version of a row deletes the result if the row refers
    ///   to none now.
    private func resolve(
        _ context: NodeContext, _ leftRows: RowGetter<Key, Value>, deletesStale: Bool
    ) throws -> Inlet<Key, Response> {
        let forward = try context.next(Key.self, Result?.self).receive
        let get = try leftRows.make(context)
        return Inlet { record in
            let result: Result?
            do {
                let row = try get(record.key, nil)?.value
                guard try row.map({ try hash($0) }) == record.value.hash else {
                    let refersToNone = try deletesStale && row.flatMap { try key(of: record.key, $0) } == nil
                    guard refersToNone, record.value.foreign == nil else { return context.drop(.staleResponse) }
                    return try forward(record.with(value: nil))
                }
                if let row, isLeft || record.value.foreign != nil {
                    result = try joiner(row, record.value.foreign)
                } else {
                    result = nil
                }
            } catch { return try context.failed(error) }
            try forward(record.with(value: result))
        }
    }
}

extension Topology {
    /// Adds an internal topic between two sub-topologies, with the sink that writes it and the source that reads it.
    mutating func add<Key, Value>(
        topic: String, sink: String, source: String, below parents: [String], key: Serde<Key>, value: Serde<Value>,
        partitioner: StreamPartitioner<Key, Value>? = nil
    ) throws {
        let reader = TopologyNode.Source(topics: [topic]) { context in
            TypedSourceHead(key: key, value: value, timestamps: nil, in: context, next: try context.next())
        }
        try add(RepartitionTopic(name: topic))
        try add(sink: sink, topic: topic, below: parents, key: key, value: value, partitioner: partitioner)
        try add(TopologyNode(source, .source(reader), .source(RecordFormat(key, value))))
    }

    /// Adds a sink that writes an internal topic.
    mutating func add<Key, Value>(
        sink: String, topic: String, below parents: [String], key: Serde<Key>, value: Serde<Value>,
        partitioner: StreamPartitioner<Key, Value>?
    ) throws {
        let make: @Sendable (NodeContext) throws -> Any = { context in
            try SinkWriter(key: key, value: value, partitioner: partitioner, context: context).inlet(to: .topic(topic))
        }
        let operation = OperatorDescription.sink(RecordFormat(key, value))
        try add(TopologyNode(sink, .sink(topic: topic, make: make), operation, parents: parents))
    }
}
