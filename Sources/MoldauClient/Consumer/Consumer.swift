public import MoldauRecords
internal import MoldauWire
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
    private let topics: [String: Topic<Key, Value>]
    let session: ConsumerSession

    /// A member of `options.group`, which shares these topics' partitions with the other members.
    /// - Throws: `ClientError.invalidSetting`.
    public convenience init(
        _ topics: [Topic<Key, Value>], cluster: ClientOptions, options: ConsumerOptions
    ) throws(ClientError) {
        let names = Set(topics.map(\.name))
        self.init(topics, try ConsumerSession(options, topics: names, cluster, try SocketWorld(cluster)))
    }

    /// A reader of these partitions. It begins at the offsets that `options.group` has committed, if it is set, or
    /// where `options.offsetReset` says.
    /// - Throws: `ClientError.invalidSetting`.
    public convenience init(
        _ topics: [Topic<Key, Value>], assigned partitions: Set<TopicPartition>, cluster: ClientOptions,
        options: ConsumerOptions = ConsumerOptions()
    ) throws(ClientError) {
        self.init(topics, try ConsumerSession(options, topics: nil, cluster, try SocketWorld(cluster)))
        assign(partitions)
    }

    init(_ topics: [Topic<Key, Value>], _ session: ConsumerSession) {
        self.topics = Dictionary(topics.map { ($0.name, $0) }) { first, _ in first }
        self.session = session
    }

    // MARK: Reading

    /// Waits for records, and returns at most `max.poll.records` of one partition; none after `time`.
    ///
    /// With `enable.auto.commit` a poll commits, from time to time, what earlier polls have returned: finish with these
    /// records first.
    /// - Throws: `ClientError`; `CancellationError`. `ClientError.unreadable` for a record whose bytes cannot be
    ///   decoded: it is read again, unless `seek` passes it.
    public func poll(within time: Duration = .seconds(1)) async throws -> [ConsumerRecord<Key, Value>] {
        guard let chunk = try await session.nextChunk(within: time) else { return [] }
        var reader = RecordBatchReader(chunk.bytes.bytes, from: chunk.from)
        var records: [ConsumerRecord<Key, Value>] = []
        var position = chunk.from
        do {
            guard let topic = topics[chunk.partition.topic] else {
                throw ClientError.unknownTopic(chunk.partition.topic)
            }
            while records.count < session.options.maxPollRecords {
                guard let record = try reader.next() else {
                    position = chunk.next
                    break
                }
                position = record.offset
                records.append(try ConsumerRecord(record, of: chunk.partition, by: topic))
                position = record.offset + 1
            }
        } catch  where records.isEmpty {
            session.advance(chunk, to: position)
            if let error = error as? ClientError { throw error }
            throw ClientError.unreadable(chunk.partition, position, reason: "\(error)")
        } catch {
            // What came before is returned first; the error shows when its record is read again.
        }
        withExtendedLifetime(chunk) {}
        session.advance(chunk, to: position)
        return records
    }

    /// Waits for records, and returns all that were fetched of one partition, as they are; nil after `time`.
    /// - Throws: `ClientError`; `CancellationError`.
    public func pollBatch(within time: Duration = .seconds(1)) async throws -> ConsumerBatch? {
        guard let chunk = try await session.nextChunk(within: time) else { return nil }
        session.advance(chunk, to: chunk.next)
        return ConsumerBatch(chunk: chunk)
    }

    /// The records, one after another, until the consumer is closed or the task cancelled.
    public var records: ConsumerRecords<Key, Value> { ConsumerRecords(consumer: self) }

    // MARK: Partitions and positions

    /// Reads these partitions from now on, and no others. Those that stay keep their positions. For a consumer whose
    /// partitions are assigned by hand.
    public func assign(_ partitions: Set<TopicPartition>) {
        precondition(
            session.state.withLock { $0.member == nil }, "a member of a group has its partitions from the group")
        session.cluster.refresh(Set(partitions.map(\.topic)).sorted())
        session.withFetch { $0.assign(partitions) }
    }

    /// The partitions that are read now.
    public var assignment: Set<TopicPartition> { session.state.withLock { Set($0.fetch.order) } }

    /// Reads a partition from this offset on; no-op if it is not assigned.
    public func seek(_ partition: TopicPartition, to offset: Offset) {
        session.withFetch { $0.seek(partition, to: offset) }
    }

    /// Reads partitions from their first record on.
    public func seekToBeginning(_ partitions: Set<TopicPartition>) {
        session.withFetch { fetch in for partition in partitions.sorted() { fetch.seek(partition, toTime: -2) } }
    }

    /// Reads of partitions what comes from now on.
    public func seekToEnd(_ partitions: Set<TopicPartition>) {
        session.withFetch { fetch in for partition in partitions.sorted() { fetch.seek(partition, toTime: -1) } }
    }

    /// Returns nothing from these partitions until `resume`.
    public func pause(_ partitions: Set<TopicPartition>) { session.withFetch { $0.pause(partitions, true) } }

    /// Returns records of these partitions again.
    public func resume(_ partitions: Set<TopicPartition>) { session.withFetch { $0.pause(partitions, false) } }

    /// The offset behind the last record that was returned; nil before one is known.
    public func position(_ partition: TopicPartition) -> Offset? {
        session.state.withLock { $0.fetch.places[partition]?.position }
    }

    /// How many offsets are left up to the end of the partition, as the last fetch saw it; nil before one.
    public func lag(_ partition: TopicPartition) -> Int64? {
        session.state.withLock { state in
            guard let place = state.fetch.places[partition], let end = place.end, let position = place.position else {
                return nil
            }
            return max(0, end - position)
        }
    }

    // MARK: Offsets

    /// Commits the positions behind all records that were returned.
    /// - Throws: `ClientError.notMember` if the partitions have gone to others; other `ClientError`s;
    ///   `CancellationError`.
    public func commit() async throws { try await session.commit(session.allPositions) }

    /// Commits these offsets: of the records that are to be read next.
    /// - Throws: `ClientError`; `CancellationError`.
    public func commit(_ offsets: [TopicPartition: Offset]) async throws { try await session.commit(offsets) }

    /// Commits the positions behind all records that were returned, without waiting for it: Kafka's `commitAsync`.
    /// - Parameter done: told what has become of it, in the order of the commits; it must not block.
    public func commitLater(then done: @escaping @Sendable (Result<Void, ClientError>) -> Void = { _ in }) {
        session.commitLater(session.allPositions, then: done)
    }

    /// Commits these offsets, of the records that are to be read next, without waiting for it: Kafka's `commitAsync`.
    /// It is tried once; a commit that is waited for comes after it.
    /// - Parameter done: told what has become of it, in the order of the commits; it must not block.
    public func commitLater(
        _ offsets: [TopicPartition: Offset],
        then done: @escaping @Sendable (Result<Void, ClientError>) -> Void = { _ in }
    ) { session.commitLater(offsets, then: done) }

    /// What the group has committed; partitions without an offset are missing.
    /// - Throws: `ClientError`; `CancellationError`.
    public func committed(_ partitions: Set<TopicPartition>) async throws -> [TopicPartition: Offset] {
        try await session.committed(partitions, within: session.options.apiTimeout)
    }

    /// Commits what was returned, if `enable.auto.commit` is on; leaves the group, and ends the connections. Whoever
    /// reads gets `ClientError.closed`. No-op the second time.
    public func close() async { await session.close() }
}

/// The records of a consumer: see `Consumer.records`.
public struct ConsumerRecords<Key, Value>: AsyncSequence {
    let consumer: Consumer<Key, Value>

    /// Reads on where the consumer is.
    public func makeAsyncIterator() -> Iterator { Iterator(consumer: consumer) }

    /// Polls when all records of the poll before were taken.
    public struct Iterator: AsyncIteratorProtocol {
        let consumer: Consumer<Key, Value>
        private var records: [ConsumerRecord<Key, Value>] = []
        private var place = 0

        init(consumer: Consumer<Key, Value>) { self.consumer = consumer }

        public mutating func next() async throws -> ConsumerRecord<Key, Value>? {
            do {
                while place == records.count {
                    (records, place) = (try await consumer.poll(), 0)
                }
            } catch ClientError.closed {
                return nil
            } catch is CancellationError {
                return nil
            }
            defer { place += 1 }
            return records[place]
        }
    }
}
