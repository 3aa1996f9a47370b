import MoldauRecords

/// Where a sink sends records: a fixed topic, or one chosen for each record.
@usableFromInline package enum SinkTarget<Key, Value>: Sendable {
    case topic(String)
    case chosen(@Sendable (Record<Key, Value>, RecordOrigin?) throws -> String)
}

/// Chooses partitions for a record: nil leaves the choice to the key, several partitions copy the record, none drops it
/// (counted).
public typealias StreamPartitioner<Key, Value> =
    @Sendable (_ topic: String, _ key: Key, _ value: Value, _ partitionCount: Int32) throws -> [Partition]?

/// Encodes records for the outbox: directly into its batches if possible, otherwise into two buffers that it reuses.
/// Owned by a task.
@usableFromInline package final class SinkWriter<Key, Value> {
    @usableFromInline let key: Serde<Key>
    @usableFromInline let value: Serde<Value>
    /// The serdes' null checks, kept here because access to a whole `Null` costs reference counting.
    @usableFromInline let isNullKey: (@Sendable (Key) -> Bool)?
    @usableFromInline let isNullValue: (@Sendable (Value) -> Bool)?
    @usableFromInline let partitioner: StreamPartitioner<Key, Value>?
    @usableFromInline let outbox: any RecordCollector
    @usableFromInline let context: NodeContext
    // Behind pointers: each write to a variable of a class costs an exclusivity check.
    @usableFromInline let keyBytes: UnsafeMutablePointer<ByteWriter>
    @usableFromInline let valueBytes: UnsafeMutablePointer<ByteWriter>
    @usableFromInline var topics: [String: BatchedTopic] = [:]

    /// Made by a task when it wires the sink.
    @inlinable
    package init(
        key: Serde<Key>, value: Serde<Value>, partitioner: StreamPartitioner<Key, Value>?, context: NodeContext
    ) {
        self.key = key
        self.value = value
        isNullKey = key.null?.isNull
        isNullValue = value.null?.isNull
        self.partitioner = partitioner
        self.context = context
        outbox = context.task.outbox
        keyBytes = .allocate(capacity: 1)
        keyBytes.initialize(to: ByteWriter())
        valueBytes = .allocate(capacity: 1)
        valueBytes.initialize(to: ByteWriter())
    }

    @inlinable
    deinit {
        for writer in [keyBytes, valueBytes] {
            writer.deinitialize(count: 1)
            writer.deallocate()
        }
    }

    /// The inlet of a sink with that target.
    @inlinable
    package func inlet(to target: SinkTarget<Key, Value>) throws -> Inlet<Key, Value> {
        guard let traces = context.task.traces else { return try plainInlet(to: target) }
        if case .topic(let name) = target, !usesTopicOrHeaders {
            let topic = try outbox.batches(forTopic: name)
            return Inlet(parts: { [self] key, value, timestamp, headers in
                // Two calls: a single one that chooses between two headers would cost reference counting.
                guard traces.isFollowing else {
                    return try send(key, value, timestamp, headers, to: topic, named: name)
                }
                try send(key, value, timestamp, traces.headers(sending: headers), to: topic, named: name)
            })
        }
        let receive = try plainInlet(to: target).receiveParts
        return Inlet(parts: { key, value, timestamp, headers in
            try receive(
                key, value, timestamp, traces.isFollowing ? traces.headers(sending: headers) : headers)
        })
    }

    @inlinable
    func plainInlet(to target: SinkTarget<Key, Value>) throws -> Inlet<Key, Value> {
        switch target {
        case .topic(let name):
            let topic = try outbox.batches(forTopic: name)
            if key.isPerTopic || value.isPerTopic { return try writer(forTopic: name).plainInlet(to: target) }
            if key.usesHeaders || value.usesHeaders { return inletWithHeaders(topic, name) }
            return Inlet(parts: { [self] key, value, timestamp, headers in
                try send(key, value, timestamp, headers, to: topic, named: name)
            })
        case .chosen(let choose):
            if usesTopicOrHeaders { return inletOfEachTopic(choose) }
            return Inlet { [self] record in
                let name: String
                do { name = try choose(record, context.task.origin) } catch { return try context.failed(error) }
                try send(
                    record.key, record.value, record.timestamp, record.headers, to: try batches(named: name),
                    named: name)
            }
        }
    }

    /// Whether a serde uses the topic or the headers of a record.
    @usableFromInline var usesTopicOrHeaders: Bool {
        key.isPerTopic || value.isPerTopic || key.usesHeaders || value.usesHeaders
    }

    @inlinable
    func batches(named name: String) throws -> BatchedTopic {
        if let known = topics[name] { return known }
        let topic = try outbox.batches(forTopic: name)
        topics[name] = topic
        return topic
    }

    @inlinable
    func send(
        _ key: Key, _ value: Value, _ timestamp: Timestamp, _ headers: Headers, to topic: BatchedTopic,
        named name: String
    ) throws {
        let (hasKey, hasValue) = (!(isNullKey?(key) ?? false), !(isNullValue?(value) ?? false))
        // The common case: encode directly into the batch.
        if partitioner == nil, topic.count == 1 {
            return try add(value, timestamp, headers, to: topic.batches, hasKey, hasValue) {
                try self.key.encode(key, &$0)
            }
        }
        keyBytes.pointee.removeAll()
        if hasKey { try self.key.encode(key, &keyBytes.pointee) }
        if partitioner == nil, hasKey, self.key.trailerBytes == 0 {
            let bytes = keyBytes.pointee.bytes
            let place = Partitioner.partition(ofKey: bytes, count: topic.count)
            return try add(value, timestamp, headers, to: topic.batches + Int(place.number), hasKey, hasValue) {
                $0.append(contentsOf: bytes)
            }
        }
        valueBytes.pointee.removeAll()
        if hasValue { try self.value.encode(value, &valueBytes.pointee) }
        try sendEncoded(
            Record(key: key, value: value, timestamp: timestamp, headers: headers), to: topic, named: name, hasKey,
            hasValue)
    }

    @inlinable @inline(__always)
    func add(
        _ value: Value, _ timestamp: Timestamp, _ headers: Headers, to batch: UnsafeMutablePointer<GrowingBatch>,
        _ hasKey: Bool, _ hasValue: Bool, key writeKey: (inout ByteWriter) throws -> Void
    ) throws {
        try batch.pointee.builder.append(
            timestamp: timestamp, headers: headers, hasKey: hasKey, hasValue: hasValue, key: writeKey,
            value: { try self.value.encode(value, &$0) })
        if batch.pointee.builder.byteCount >= batch.pointee.noticeBytes { try outbox.grew(batch) }
    }

    @inlinable
    func sendEncoded(
        _ record: Record<Key, Value>, to topic: BatchedTopic, named name: String, _ hasKey: Bool, _ hasValue: Bool
    ) throws {
        guard let partitioner, let chosen = try partitioner(name, record.key, record.value, topic.count) else {
            return try put(record, topic, hasKey ? partitionOfInnerKey(topic) : nil, hasKey, hasValue)
        }
        if chosen.isEmpty { context.drop(.noPartition) }
        for partition in chosen { try put(record, topic, partition, hasKey, hasValue) }
    }

    /// The partition of the key without its window; nil if the whole key decides.
    @inlinable
    func partitionOfInnerKey(_ topic: BatchedTopic) -> Partition? {
        guard key.trailerBytes > 0, keyBytes.pointee.count >= key.trailerBytes else { return nil }
        let inner = UnsafeRawBufferPointer(rebasing: keyBytes.pointee.bytes.dropLast(key.trailerBytes))
        return Partitioner.partition(ofKey: inner, count: topic.count)
    }

    @inlinable
    func put(
        _ record: Record<Key, Value>, _ topic: BatchedTopic, _ partition: Partition?, _ hasKey: Bool, _ hasValue: Bool
    ) throws {
        try outbox.send(
            topic, partition: partition, key: hasKey ? keyBytes.pointee.bytes : nil,
            value: hasValue ? valueBytes.pointee.bytes : nil,
            timestamp: record.timestamp, headers: record.headers)
    }
}

// For serdes that use the topic or headers. Other serdes never get here.
extension SinkWriter {
    /// A writer with the serdes of that topic.
    @usableFromInline func writer(forTopic name: String) throws -> SinkWriter {
        let topic = context.task.topicName(name)
        return SinkWriter(
            key: key.at(topic, .key).fixed, value: value.at(topic, .value).fixed, partitioner: partitioner,
            context: context)
    }

    @usableFromInline func inletWithHeaders(_ topic: BatchedTopic, _ name: String) -> Inlet<Key, Value> {
        Inlet { [self] record in
            var record = record
            keyBytes.pointee.removeAll()
            valueBytes.pointee.removeAll()
            let (hasKey, hasValue) = (!key.isNull(record.key), !value.isNull(record.value))
            if hasKey { try key.encode(record.key, &keyBytes.pointee, headers: &record.headers) }
            if hasValue { try value.encode(record.value, &valueBytes.pointee, headers: &record.headers) }
            try sendEncoded(record, to: topic, named: name, hasKey, hasValue)
        }
    }

    @usableFromInline func inletOfEachTopic(
        _ choose: @escaping @Sendable (Record<Key, Value>, RecordOrigin?) throws -> String
    ) -> Inlet<Key, Value> {
        var inlets: [String: Inlet<Key, Value>] = [:]
        return Inlet { [self] record in
            let name: String
            do { name = try choose(record, context.task.origin) } catch { return try context.failed(error) }
            let inlet = try inlets[name] ?? writer(forTopic: name).plainInlet(to: .topic(name))
            inlets[name] = inlet
            try inlet.receive(record)
        }
    }
}
