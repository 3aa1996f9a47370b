import MoldauRecords

/// Where a sink's records go: a topic, or what a function of the record answers.
public enum SinkTarget<Key, Value>: Sendable {
    case topic(String)
    case chosen(@Sendable (Record<Key, Value>, RecordOrigin?) throws -> String)
}

/// Chooses partitions for a record. nil leaves it to the key; several copies the record; none drops it (counted).
public typealias StreamPartitioner<Key, Value> =
    @Sendable (_ topic: String, _ key: Key, _ value: Value, _ partitionCount: Int32) throws -> [Partition]?

/// Turns records into bytes for the outbox, in two buffers that it keeps. Owned by a task.
public final class SinkWriter<Key, Value> {
    @usableFromInline let key: Serde<Key>
    @usableFromInline let value: Serde<Value>
    /// Of the serdes: a look at a whole `Null` counts its references.
    @usableFromInline let isNullKey: (@Sendable (Key) -> Bool)?
    @usableFromInline let isNullValue: (@Sendable (Value) -> Bool)?
    @usableFromInline let partitioner: StreamPartitioner<Key, Value>?
    @usableFromInline let outbox: any RecordCollector
    @usableFromInline let context: NodeContext
    // Behind pointers: a write through a class's own variable pays an exclusivity check each time.
    @usableFromInline let keyBytes: UnsafeMutablePointer<ByteWriter>
    @usableFromInline let valueBytes: UnsafeMutablePointer<ByteWriter>
    @usableFromInline var handles: [String: Int] = [:]

    @inlinable
    public init(
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

    /// The inlet of a sink for that target.
    @inlinable
    public func inlet(to target: SinkTarget<Key, Value>) throws -> Inlet<Key, Value> {
        switch target {
        case .topic(let name):
            let handle = try outbox.handle(forTopic: name)
            if key.isPerTopic || value.isPerTopic { return try writer(forTopic: name).inlet(to: target) }
            if key.usesHeaders || value.usesHeaders { return inletWithHeaders(handle, name) }
            return Inlet { [self] record in try send(record, to: handle, named: name) }
        case .chosen(let choose):
            if key.isPerTopic || value.isPerTopic || key.usesHeaders || value.usesHeaders {
                return inletOfEachTopic(choose)
            }
            return Inlet { [self] record in
                let name: String
                do { name = try choose(record, context.task.origin) } catch { return try context.failed(error) }
                try send(record, to: try handle(named: name), named: name)
            }
        }
    }

    @inlinable
    func handle(named name: String) throws -> Int {
        if let known = handles[name] { return known }
        let handle = try outbox.handle(forTopic: name)
        handles[name] = handle
        return handle
    }

    @inlinable
    func send(_ record: Record<Key, Value>, to handle: Int, named topic: String) throws {
        keyBytes.pointee.removeAll()
        valueBytes.pointee.removeAll()
        let (hasKey, hasValue) = (!(isNullKey?(record.key) ?? false), !(isNullValue?(record.value) ?? false))
        if hasKey { try key.encode(record.key, &keyBytes.pointee) }
        if hasValue { try value.encode(record.value, &valueBytes.pointee) }
        try sendEncoded(record, to: handle, named: topic, hasKey, hasValue)
    }

    @inlinable @inline(__always)
    func sendEncoded(
        _ record: Record<Key, Value>, to handle: Int, named topic: String, _ hasKey: Bool, _ hasValue: Bool
    ) throws {
        guard let partitioner,
            let chosen = try partitioner(topic, record.key, record.value, outbox.partitionCount(handle))
        else {
            let partition = hasKey && key.trailerBytes > 0 ? partitionOfInnerKey(handle) : nil
            return try put(record, handle, partition, hasKey, hasValue)
        }
        if chosen.isEmpty { context.drop(.noPartition) }
        for partition in chosen { try put(record, handle, partition, hasKey, hasValue) }
    }

    /// Where the key without its window belongs; nil where the whole key decides.
    @inlinable
    func partitionOfInnerKey(_ handle: Int) -> Partition? {
        guard keyBytes.pointee.count >= key.trailerBytes else { return nil }
        let inner = UnsafeRawBufferPointer(rebasing: keyBytes.pointee.bytes.dropLast(key.trailerBytes))
        var partitioner = Partitioner.keyed()
        return partitioner.partition(
            key: inner, byteCount: inner.count, count: outbox.partitionCount(handle))
    }

    @inlinable @inline(__always)
    func put(
        _ record: Record<Key, Value>, _ handle: Int, _ partition: Partition?, _ hasKey: Bool, _ hasValue: Bool
    ) throws {
        try outbox.send(
            handle, partition: partition, key: hasKey ? keyBytes.pointee.bytes : nil,
            value: hasValue ? valueBytes.pointee.bytes : nil,
            timestamp: record.timestamp, headers: record.headers)
    }
}

// For serdes that know the topic or the headers. Others have no part in this.
extension SinkWriter {
    /// The writer with the serdes of that topic.
    @usableFromInline func writer(forTopic name: String) throws -> SinkWriter {
        let topic = context.task.topicName(name)
        return SinkWriter(
            key: key.at(topic, .key).fixed, value: value.at(topic, .value).fixed, partitioner: partitioner,
            context: context)
    }

    @usableFromInline func inletWithHeaders(_ handle: Int, _ topic: String) -> Inlet<Key, Value> {
        Inlet { [self] record in
            var record = record
            keyBytes.pointee.removeAll()
            valueBytes.pointee.removeAll()
            let (hasKey, hasValue) = (!key.isNull(record.key), !value.isNull(record.value))
            if hasKey { try key.encode(record.key, &keyBytes.pointee, headers: &record.headers) }
            if hasValue { try value.encode(record.value, &valueBytes.pointee, headers: &record.headers) }
            try sendEncoded(record, to: handle, named: topic, hasKey, hasValue)
        }
    }

    @usableFromInline func inletOfEachTopic(
        _ choose: @escaping @Sendable (Record<Key, Value>, RecordOrigin?) throws -> String
    ) -> Inlet<Key, Value> {
        var inlets: [String: Inlet<Key, Value>] = [:]
        return Inlet { [self] record in
            let name: String
            do { name = try choose(record, context.task.origin) } catch { return try context.failed(error) }
            let inlet = try inlets[name] ?? writer(forTopic: name).inlet(to: .topic(name))
            inlets[name] = inlet
            try inlet.receive(record)
        }
    }
}
