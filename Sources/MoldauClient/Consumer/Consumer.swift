public import MoldauRecords
internal import Synchronization

/// Reads records of a Kafka cluster: as a member of a group, or from manually assigned partitions.
///
/// ```swift
/// let orders = Topic<String, String>("orders")
/// let consumer = try Consumer(
///     [orders], cluster: ClientOptions(bootstrapServers: "localhost:9092"), options: ConsumerOptions(group: "shop"))
/// for try await record in consumer.records { print(record.key, record.value) }
/// await consumer.close()
/// ```
/// One task reads at a time; any others may pause, seek, query and commit meanwhile. A group member must poll again
/// within `max.poll.interval.ms`.
public final class Consumer<Key, Value>: Sendable {
    private let topics = TopicTable<Key, Value>()
    private let interceptors: [any ConsumerInterceptor<Key, Value>]
    let session: ConsumerSession

    /// A member of `options.group`, which shares the partitions of these topics with the other members.
    /// - Parameters:
    ///   - topics: the topics to read, with the types of their records.
    ///   - cluster: where the cluster is, and how to connect.
    ///   - options: what the consumer reads, and how.
    ///   - interceptors: called one after another, with the records and the commits.
    /// - Throws: `ClientError.invalidSetting`.
    public convenience init(
        _ topics: [Topic<Key, Value>], cluster: ClientOptions, options: ConsumerOptions,
        interceptors: [any ConsumerInterceptor<Key, Value>] = []
    ) throws(ClientError) {
        try self.init(.topics(Set(topics.map(\.name))), cluster, options, interceptors)
        self.topics.add(topics)
    }

    /// A member of `options.group` that reads all topics with matching names, also those created later: they are
    /// discovered within `ClientOptions.metadataMaxAge`. The pattern has the syntax of RE2, as far as it applies to
    /// names, and must match the whole name; it never matches Kafka's internal topics.
    /// - Parameters:
    ///   - pattern: matches the names of the topics to read.
    ///   - cluster: where the cluster is, and how to connect.
    ///   - options: what the consumer reads, and how.
    ///   - interceptors: called one after another, with the records and the commits.
    /// - Throws: `ClientError.invalidSetting`, also for an invalid pattern.
    public convenience init(
        matching pattern: TopicPattern<Key, Value>, cluster: ClientOptions, options: ConsumerOptions,
        interceptors: [any ConsumerInterceptor<Key, Value>] = []
    ) throws(ClientError) {
        try self.init(.pattern(try pattern.expression()), cluster, options, interceptors)
        topics.add(pattern)
    }

    /// A reader of these partitions. It starts at the offsets that `options.group` has committed, if it is set, or else
    /// as `options.offsetReset` says.
    /// - Parameters:
    ///   - topics: the topics of the partitions, with the types of their records.
    ///   - partitions: the partitions to read.
    ///   - cluster: where the cluster is, and how to connect.
    ///   - options: what the consumer reads, and how.
    ///   - interceptors: called one after another, with the records and the commits.
    /// - Throws: `ClientError.invalidSetting`.
    public convenience init(
        _ topics: [Topic<Key, Value>], assigned partitions: Set<TopicPartition>, cluster: ClientOptions,
        options: ConsumerOptions = ConsumerOptions(), interceptors: [any ConsumerInterceptor<Key, Value>] = []
    ) throws(ClientError) {
        try self.init(nil, cluster, options, interceptors)
        self.topics.add(topics)
        assign(partitions)
    }

    private init(
        _ subscription: Subscription?, _ cluster: ClientOptions, _ options: ConsumerOptions,
        _ interceptors: [any ConsumerInterceptor<Key, Value>]
    ) throws(ClientError) {
        session = try ConsumerSession(options, subscription, cluster, try SocketWorld(cluster))
        self.interceptors = interceptors
        session.state.withLock { $0.onCommit = interceptors.map { interceptor in { interceptor.onCommit($0) } } }
    }

    /// Subscribes to these topics instead of the previous ones: the group rebalances with the next poll. For a member
    /// of a group.
    public func subscribe(_ topics: [Topic<Key, Value>]) {
        self.topics.add(topics)
        session.subscribe(.topics(Set(topics.map(\.name))))
    }

    /// Subscribes to all topics with matching names, as with `init(matching:)`. For a member of a group.
    /// - Throws: `ClientError.invalidSetting` for an invalid pattern.
    public func subscribe(matching pattern: TopicPattern<Key, Value>) throws(ClientError) {
        let expression = try pattern.expression()
        topics.add(pattern)
        session.subscribe(.pattern(expression))
    }

    // MARK: Reading

    /// Waits for records, and returns at most `max.poll.records` of one partition; empty if none arrive within `time`,
    /// and after `wakeup`.
    ///
    /// With `enable.auto.commit`, a poll regularly commits the records that earlier polls returned: finish processing
    /// them first.
    /// - Throws: `ClientError`; `CancellationError`. `ClientError.unreadable` for a record that cannot be decoded: it
    ///   is read again unless you `seek` past it.
    @inlinable public func poll(within time: Duration = .seconds(1)) async throws -> [ConsumerRecord<Key, Value>] {
        try await poll(within: time, oneByOne: false)
    }

    /// - Parameter oneByOne: whether a record counts as returned only once `handsOut` was called for it.
    @inlinable func poll(within time: Duration, oneByOne: Bool) async throws -> [ConsumerRecord<Key, Value>] {
        guard let found = try await take(within: time) else { return [] }
        var taken = found.taken
        var records: [ConsumerRecord<Key, Value>] = []
        var isBroken = false
        do {
            try Self.read(&taken, by: found.topic, into: &records, atMost: maxPollRecords)
        } catch {
            // The records before it are returned first: the error is thrown when the record is read again.
            isBroken = true
            guard !records.isEmpty else {
                advance(taken, isBroken: true, oneByOne: false)
                throw ClientError.unreadable(taken.partition, taken.position, reason: "\(error)")
            }
        }
        records = intercepted(records)
        advance(taken, isBroken: isBroken, oneByOne: oneByOne && !records.isEmpty)
        return records
    }

    /// Not asynchronous, so that the work per record stays in registers.
    @inlinable static func read(
        _ taken: inout TakenRecords, by topic: Topic<Key, Value>, into records: inout [ConsumerRecord<Key, Value>],
        atMost limit: Int
    ) throws {
        let partition = taken.partition
        var (reader, position) = (taken.reader, taken.position)
        defer { (taken.reader, taken.position) = (reader, position) }
        records.reserveCapacity(taken.countEstimate(atMost: limit))
        while records.count < limit {
            guard let record = try reader.next() else {
                position = taken.end
                return
            }
            position = record.offset
            let headers = record.hasHeaders ? try record.headers() : Headers()
            records.append(
                ConsumerRecord(
                    record, of: partition, key: try topic.key.read(record.key, headers: headers),
                    value: try topic.value.read(record.value, headers: headers), headers: headers))
            position = record.offset + 1
        }
    }

    @usableFromInline var maxPollRecords: Int { session.options.maxPollRecords }

    /// Waits for records.
    @usableFromInline func take(within time: Duration) async throws -> (taken: TakenRecords, topic: Topic<Key, Value>)?
    {
        guard let chunk = try await session.nextChunk(within: time) else { return nil }
        guard let topic = topics[chunk.partition.topic] else {
            session.advance(chunk, to: chunk.from, chunk)
            throw ClientError.unknownTopic(chunk.partition.topic)
        }
        return (TakenRecords(chunk), topic)
    }

    /// Marks records as read up to `taken.position`.
    /// - Parameter isBroken: whether the record there cannot be decoded.
    @usableFromInline func advance(_ taken: TakenRecords, isBroken: Bool, oneByOne: Bool) {
        session.advance(taken.chunk, to: taken.position, taken.rest(isBroken: isBroken), oneByOne: oneByOne)
    }

    @usableFromInline func intercepted(_ records: [ConsumerRecord<Key, Value>]) -> [ConsumerRecord<Key, Value>] {
        var records = records
        for interceptor in interceptors { records = interceptor.onConsume(records) }
        return records
    }

    /// Waits for records, and returns all that were fetched of one partition, as they are; nil if none arrive within
    /// `time`, and after `wakeup`.
    /// - Throws: `ClientError`; `CancellationError`.
    public func pollBatch(within time: Duration = .seconds(1)) async throws -> ConsumerBatch? {
        guard let chunk = try await session.nextChunk(within: time) else { return nil }
        session.advance(chunk, to: chunk.next, nil)
        return ConsumerBatch(chunk: chunk)
    }

    /// The records, one at a time, until the consumer is closed or the task cancelled.
    ///
    /// For `position`, `commit` and `close`, the records up to and including the loop's current one count as returned.
    /// After a `break`, another loop or a poll continues with the record after it.
    public var records: ConsumerRecords<Key, Value> { ConsumerRecords(consumer: self) }

    @usableFromInline var turn: Int { session.turn.load(ordering: .relaxed) }

    /// Called for each record of a poll that a loop hands out; false if reading has ended, or another task has polled.
    /// - Parameter next: the position after the record.
    @usableFromInline func handsOut(upTo next: Offset, _ turn: Int) -> Bool { session.handsOut(upTo: next, turn) }

    /// Makes the waiting `poll`, or else the next one, return at once with no records. A loop over `records` continues;
    /// cancel its task to end it.
    public func wakeup() { session.wakeUp() }

    /// Commits the returned records, if `enable.auto.commit` is on; leaves the group, and closes the connections. A
    /// reading task gets `ClientError.closed`. No-op the second time.
    public func close() async { await session.close() }

    /// Stops reading: a loop over `records` ends after its current record; `poll` throws `ClientError.closed`. The
    /// consumer can still commit, and must still be closed.
    public func endReading() { session.endReading() }

    /// Closes a consumer that another task reads: stops the reading task and waits for it, at most `patience`; records
    /// that it is still processing then are not committed, so that they are read again. A loop over `records` ends
    /// after its current record.
    public func finish(within patience: Duration = .seconds(5)) async { await session.finish(within: patience) }
}
