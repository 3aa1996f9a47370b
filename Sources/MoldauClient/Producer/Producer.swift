@_exported public import MoldauRecords
internal import MoldauWire

/// Sends records to a topic of a Kafka cluster.
///
/// ```swift
/// let orders = Topic<String, String>("orders")
/// let producer = try Producer(to: orders, cluster: ClientOptions(bootstrapServers: "localhost:9092"))
/// let position = try await producer.send("42", "a record")
/// await producer.close()
/// ```
/// Records of one partition are appended in the order in which they were sent. Any number of tasks may use a producer.
public struct Producer<Key, Value>: Sendable {
    @usableFromInline let topic: Topic<Key, Value>
    private let partitioner: Partitioner
    private let interceptors: [any ProducerInterceptor<Key, Value>]
    @usableFromInline let outlet: TopicSender
    private var sender: ProducerSender { outlet.sender }

    /// A producer that connects on first use.
    /// - Parameters:
    ///   - topic: where records are sent, with their types.
    ///   - cluster: where the cluster is, and how to connect.
    ///   - options: how records are sent.
    ///   - partitioner: chooses the partition of records for which `send` gives none. The default is that of Kafka's
    ///     producers: by the key, and without a key about `batch.size` bytes for one partition after another.
    ///   - interceptors: called with each record, one after another.
    /// - Throws: `ClientError.invalidSetting`.
    public init(
        to topic: Topic<Key, Value>, cluster: ClientOptions, options: ProducerOptions = ProducerOptions(),
        partitioner: Partitioner? = nil, interceptors: [any ProducerInterceptor<Key, Value>] = []
    ) throws(ClientError) {
        self.init(topic, try ProducerSender(options, cluster, try SocketWorld(cluster)), partitioner, interceptors)
    }

    init(
        _ topic: Topic<Key, Value>, _ sender: ProducerSender, _ partitioner: Partitioner?,
        _ interceptors: [any ProducerInterceptor<Key, Value>] = []
    ) {
        self.topic = topic
        self.interceptors = interceptors
        outlet = TopicSender(sender, isDirect: interceptors.isEmpty)
        let seed = UInt32(sender.cluster.world.chance() * 65_536)
        self.partitioner = partitioner ?? .keyed(seed: seed, stickyBytes: sender.options.batchSize)
    }

    /// A producer for another topic that shares the connections, buffer and transactions.
    public func also<OtherKey, OtherValue>(
        to topic: Topic<OtherKey, OtherValue>, partitioner: Partitioner? = nil,
        interceptors: [any ProducerInterceptor<OtherKey, OtherValue>] = []
    ) -> Producer<OtherKey, OtherValue> {
        Producer<OtherKey, OtherValue>(topic, sender, partitioner, interceptors)
    }

    /// Sends a record, and waits until it is delivered, as `acks` requires.
    /// - Parameters:
    ///   - key: the key of the record.
    ///   - value: the value of the record.
    ///   - timestamp: nil for the current time.
    ///   - headers: the headers of the record.
    ///   - partition: nil lets the partitioner choose.
    /// - Throws: what `enqueue` and `Acknowledgement.position` throw.
    @discardableResult @inlinable public nonisolated(nonsending) func send(
        _ key: Key, _ value: Value, timestamp: Timestamp? = nil, headers: Headers = Headers(),
        partition: Partition? = nil
    ) async throws -> RecordPosition {
        try await enqueue(key, value, timestamp: timestamp, headers: headers, partition: partition).position()
    }

    /// Enqueues a record for sending. Waits only while the buffer is full (`buffer.memory`, at most `max.block.ms`),
    /// and before the first record for the topic's metadata. To send many records, enqueue them, and wait for their
    /// acknowledgements, or `flush`, later.
    /// - Throws: `ClientError`; what the serdes throw; `CancellationError`, and then the record is not sent.
    @inlinable public nonisolated(nonsending) func enqueue(
        _ key: Key, _ value: Value, timestamp: Timestamp? = nil, headers: Headers = Headers(),
        partition: Partition? = nil
    ) async throws -> Acknowledgement {
        // Usually there is nothing to wait for: another asynchronous call would cost more than the record.
        if let taken = try taken(key, value, timestamp, headers, partition) { return taken }
        return try await enqueueLater(key, value, timestamp, headers, partition)
    }

    /// Enqueues a record; nil if that would have to wait, or if there are interceptors.
    @inlinable func taken(
        _ key: Key, _ value: Value, _ timestamp: Timestamp?, _ headers: Headers, _ partition: Partition?
    ) throws -> Acknowledgement? {
        guard outlet.isOpen else { return nil }
        var headers = headers
        var writer = outlet.memory.take()
        let hasKey = try topic.key.append(key, to: &writer, &headers)
        let keyEnd = writer.count
        let hasValue = try topic.value.append(value, to: &writer, &headers)
        let taken = try outlet.append(
            key: hasKey ? UnsafeRawBufferPointer(rebasing: writer.bytes[..<keyEnd]) : nil,
            value: hasValue ? UnsafeRawBufferPointer(rebasing: writer.bytes[keyEnd...]) : nil,
            timestamp, headers, partition)
        outlet.memory.give(writer)
        return taken
    }

    @usableFromInline nonisolated(nonsending) func enqueueLater(
        _ key: Key, _ value: Value, _ timestamp: Timestamp?, _ headers: Headers, _ partition: Partition?
    ) async throws -> Acknowledgement {
        var record = ProducerRecord(
            topic: topic.name, key: key, value: value, timestamp: timestamp, headers: headers, partition: partition)
        for interceptor in interceptors { record = interceptor.onSend(record) }
        let (interceptors, name) = (interceptors, topic.name)
        do {
            let keyBytes = try topic.key.encoded(record.key, &record.headers)
            let valueBytes = try topic.value.encoded(record.value, &record.headers)
            let taken = try await enqueue(
                keyBytes, valueBytes, timestamp: record.timestamp, headers: record.headers, partition: record.partition)
            if interceptors.isEmpty { return taken }
            taken.whenKnown { result in
                for interceptor in interceptors { interceptor.onAcknowledgement(result.mapError { $0 }, of: name) }
            }
            return taken
        } catch {
            for interceptor in interceptors { interceptor.onAcknowledgement(.failure(error), of: name) }
            throw error
        }
    }

    /// Like `enqueue`, for encoded bytes, which are copied only into the batch; nil is a null.
    /// - Throws: `ClientError`; `CancellationError`.
    public func enqueue(
        bytes key: SharedBytes?, _ value: SharedBytes?, timestamp: Timestamp? = nil, headers: Headers = Headers(),
        partition: Partition? = nil
    ) async throws -> Acknowledgement {
        try await enqueue(key, value, timestamp: timestamp, headers: headers, partition: partition)
    }

    private func enqueue(
        _ key: SharedBytes?, _ value: SharedBytes?, timestamp: Timestamp?, headers: Headers, partition: Partition?
    ) async throws -> Acknowledgement {
        let topic = try await topicNumber()
        while true {
            let taken = try sender.append(to: topic, partition, key?.bytes, value?.bytes, timestamp, headers)
            if let taken { return taken }
            try await sender.waitForRoom()
        }
    }

    /// Enqueues as many records as fit into the buffer, without waiting: the fast way to send many encoded records.
    /// - Parameter fill: gets an appender, which is valid only within the call. Its `append` returns nil when the
    ///   buffer is full; `fill` should return then.
    /// - Throws: `ClientError`; what `fill` throws.
    public func withAppender<Result>(_ fill: (Appender) throws -> Result) async throws -> Result {
        try fill(Appender(sender: sender, topic: try await topicNumber()))
    }

    /// Waits until the buffer has room.
    /// - Throws: `ClientError.bufferFull` after `max.block.ms`.
    public func waitForRoom() async throws { try await sender.waitForRoom() }

    /// Waits until every record sent before is delivered or has failed. Open batches are sent at once, without
    /// lingering.
    /// - Throws: `CancellationError`; the errors of records are thrown to those who sent them.
    public func flush() async throws { try await sender.flush() }

    /// Waits until all records are delivered or have failed, and closes the connections. Later records fail. Does not
    /// wait if the task is cancelled.
    public func close() async {
        try? await sender.flush()
        sender.close()
    }

    private func topicNumber() async throws -> Int {
        if let known = outlet.number { return known }
        let found = try await sender.topic(topic.name, partitioner)
        outlet.number = found
        return found
    }

    var transactions: ProducerSender { sender }
}

/// Appends encoded records to a producer's batches: see `Producer.withAppender`.
public struct Appender {
    let sender: ProducerSender
    let topic: Int

    /// Appends a record; nil is a null. The bytes are copied.
    /// - Returns: nil if there is no room now.
    /// - Throws: `ClientError`.
    public func append(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, timestamp: Timestamp? = nil,
        headers: Headers = Headers(), partition: Partition? = nil
    ) throws -> Acknowledgement? {
        try sender.append(to: topic, partition, key, value, timestamp, headers)
    }
}
