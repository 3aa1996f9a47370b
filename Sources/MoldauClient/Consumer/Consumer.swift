public import MoldauRecords
internal import Synchronization

/// Reads records of a Kafka cluster: as a member of a group, or from partitions that are assigned by hand.
///
/// ```swift
/// let orders = Topic<String, String>("orders")
/// let consumer = try Consumer(
///     [orders], cluster: ClientOptions(bootstrapServers: "localhost:9092"), options: ConsumerOptions(group: "shop"))
/// for try await record in consumer.records { print(record.key, record.value) }
/// await consumer.close()
/// ```
/// One task reads at a time; any other may pause, seek, ask and commit meanwhile. A member has to poll again within
/// `max.poll.interval.ms`.
public final class Consumer<Key, Value>: Sendable {
    private let topics = TopicTable<Key, Value>()
    private let interceptors: [any ConsumerInterceptor<Key, Value>]
    let session: ConsumerSession

    /// A member of `options.group`, which shares these topics' partitions with the other members.
    /// - Parameter interceptors: see the records and the commits, one after another.
    /// - Throws: `ClientError.invalidSetting`.
    public convenience init(
        _ topics: [Topic<Key, Value>], cluster: ClientOptions, options: ConsumerOptions,
        interceptors: [any ConsumerInterceptor<Key, Value>] = []
    ) throws(ClientError) {
        try self.init(.topics(Set(topics.map(\.name))), cluster, options, interceptors)
        self.topics.add(topics)
    }

    /// A member of `options.group` that reads all topics whose names match, also those that come later: they are
    /// noticed within `ClientOptions.metadataMaxAge`. The pattern has the syntax of RE2, as far as it is about names,
    /// and must match the whole name; Kafka's own topics match none.
    /// - Parameter interceptors: see the records and the commits, one after another.
    /// - Throws: `ClientError.invalidSetting`, also if the pattern is none.
    public convenience init(
        matching pattern: TopicPattern<Key, Value>, cluster: ClientOptions, options: ConsumerOptions,
        interceptors: [any ConsumerInterceptor<Key, Value>] = []
    ) throws(ClientError) {
        try self.init(.pattern(try pattern.expression()), cluster, options, interceptors)
        topics.add(pattern)
    }

    /// A reader of these partitions. It begins at the offsets that `options.group` has committed, if it is set, or
    /// where `options.offsetReset` says.
    /// - Parameter interceptors: see the records and the commits, one after another.
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

    /// Reads these topics from now on, instead of what it has subscribed to before: the group shares partitions anew
    /// with the next poll. For a member of a group.
    public func subscribe(_ topics: [Topic<Key, Value>]) {
        self.topics.add(topics)
        session.subscribe(.topics(Set(topics.map(\.name))))
    }

    /// Reads all topics from now on whose names match, as with `init(matching:)`. For a member of a group.
    /// - Throws: `ClientError.invalidSetting` if it is no pattern.
    public func subscribe(matching pattern: TopicPattern<Key, Value>) throws(ClientError) {
        let expression = try pattern.expression()
        topics.add(pattern)
        session.subscribe(.pattern(expression))
    }

    // MARK: Reading

    /// Waits for records, and returns at most `max.poll.records` of one partition; none after `time`, and after
    /// `wakeup`.
    ///
    /// With `enable.auto.commit` a poll commits, from time to time, what earlier polls have returned: finish with these
    /// records first.
    /// - Throws: `ClientError`; `CancellationError`. `ClientError.unreadable` for a record whose bytes cannot be
    ///   decoded: it is read again, unless `seek` passes it.
    @inlinable public func poll(within time: Duration = .seconds(1)) async throws -> [ConsumerRecord<Key, Value>] {
        try await poll(within: time, oneByOne: false)
    }

    /// - Parameter oneByOne: whether a record counts as returned only when `handsOut` was told of it.
    @inlinable func poll(within time: Duration, oneByOne: Bool) async throws -> [ConsumerRecord<Key, Value>] {
        guard let found = try await take(within: time) else { return [] }
        var taken = found.taken
        var records: [ConsumerRecord<Key, Value>] = []
        var isBroken = false
        do {
            try Self.read(&taken, by: found.topic, into: &records, atMost: maxPollRecords)
        } catch {
            // What came before it is returned first: the error shows when the record is read again.
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

    /// Not asynchronous, so that what is done for each record stays in registers.
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

    /// Records were read up to `taken.position`.
    /// - Parameter isBroken: whether the one there cannot be.
    @usableFromInline func advance(_ taken: TakenRecords, isBroken: Bool, oneByOne: Bool) {
        session.advance(taken.chunk, to: taken.position, taken.rest(isBroken: isBroken), oneByOne: oneByOne)
    }

    @usableFromInline func intercepted(_ records: [ConsumerRecord<Key, Value>]) -> [ConsumerRecord<Key, Value>] {
        var records = records
        for interceptor in interceptors { records = interceptor.onConsume(records) }
        return records
    }

    /// Waits for records, and returns all that were fetched of one partition, as they are; nil after `time`, and after
    /// `wakeup`.
    /// - Throws: `ClientError`; `CancellationError`.
    public func pollBatch(within time: Duration = .seconds(1)) async throws -> ConsumerBatch? {
        guard let chunk = try await session.nextChunk(within: time) else { return nil }
        session.advance(chunk, to: chunk.next, nil)
        return ConsumerBatch(chunk: chunk)
    }

    /// The records, one after another, until the consumer is closed or the task cancelled.
    ///
    /// What counts as returned, for `position`, `commit` and `close`, are the records up to the one that the loop has
    /// now, with that one. After a `break` another loop, or a poll, goes on with the record behind it.
    public var records: ConsumerRecords<Key, Value> { ConsumerRecords(consumer: self) }

    @usableFromInline var turn: Int { session.turn.load(ordering: .relaxed) }

    /// A loop hands out a record of a poll, unless reading has ended, or somebody else has polled.
    /// - Parameter next: the position behind it.
    @usableFromInline func handsOut(upTo next: Offset, _ turn: Int) -> Bool { session.handsOut(upTo: next, turn) }

    /// Has the task that polls go on at once, without records; if none waits, the next `poll` does. A loop over
    /// `records` goes on; cancel its task to end it.
    public func wakeup() { session.wakeUp() }

    /// Commits what was returned, if `enable.auto.commit` is on; leaves the group, and ends the connections. Whoever
    /// reads gets `ClientError.closed`. No-op the second time.
    public func close() async { await session.close() }

    /// Has whoever reads come to an end: a loop over `records` ends behind the record that it has, and polls throw
    /// `ClientError.closed`. The consumer can still commit, and is to be closed.
    public func endReading() { session.endReading() }

    /// Closes a consumer that another task reads: that one is told first, and waited for, but not longer than
    /// `patience`; what it has in hand then is not committed, so that it is read once more. A loop over `records` ends
    /// behind the record that it has.
    public func finish(within patience: Duration = .seconds(5)) async { await session.finish(within: patience) }
}
