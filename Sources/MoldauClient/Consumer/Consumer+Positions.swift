public import MoldauRecords
internal import Synchronization

extension Consumer {
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
        session.withFetch { fetch in for partition in partitions.sorted() { fetch.seek(partition, to: .first) } }
    }

    /// Reads of partitions what comes from now on.
    public func seekToEnd(_ partitions: Set<TopicPartition>) {
        session.withFetch { fetch in for partition in partitions.sorted() { fetch.seek(partition, to: .end) } }
    }

    /// Returns nothing from these partitions until `resume`.
    public func pause(_ partitions: Set<TopicPartition>) { session.withFetch { $0.pause(partitions, true) } }

    /// Returns records of these partitions again.
    public func resume(_ partitions: Set<TopicPartition>) { session.withFetch { $0.pause(partitions, false) } }

    /// The offset behind the last record that was returned; nil before one is known.
    public func position(_ partition: TopicPartition) -> Offset? {
        session.state.withLock { $0.position(partition, inHandTo: session.handedPosition) }
    }

    /// How many offsets are left up to the end of the partition, as the last fetch saw it; nil before one.
    public func lag(_ partition: TopicPartition) -> Int64? {
        session.state.withLock { state in
            guard let end = state.fetch.places[partition]?.end,
                let position = state.position(partition, inHandTo: session.handedPosition)
            else { return nil }
            return position.lag(behind: end)
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

    // MARK: Questions

    /// The first offset of each partition whose record has that time or a later one; partitions without such a record
    /// are missing. Kafka's `offsetsForTimes`.
    /// - Throws: `ClientError`; `CancellationError`.
    public func offsetsForTimes(
        _ times: [TopicPartition: Timestamp]
    ) async throws -> [TopicPartition: OffsetAndTimestamp] {
        try await session.listOffsets(times.mapValues { .timestamp($0) }).compactMapValues { found in
            guard let offset = found.offset, let timestamp = found.timestamp else { return nil }
            return OffsetAndTimestamp(offset: offset, timestamp: timestamp, leaderEpoch: found.leaderEpoch)
        }
    }

    /// The first offset that each partition holds.
    /// - Throws: `ClientError`; `CancellationError`.
    public func beginningOffsets(_ partitions: Set<TopicPartition>) async throws -> [TopicPartition: Offset] {
        try await offsets(partitions, .earliest)
    }

    /// The offset behind the last record of each partition; with `isolation.level` `readCommitted`, before the first
    /// transaction that is open.
    /// - Throws: `ClientError`; `CancellationError`.
    public func endOffsets(_ partitions: Set<TopicPartition>) async throws -> [TopicPartition: Offset] {
        try await offsets(partitions, .latest)
    }

    private func offsets(
        _ partitions: Set<TopicPartition>, _ spec: AdminClient.OffsetSpec
    ) async throws -> [TopicPartition: Offset] {
        let wanted = Dictionary(uniqueKeysWithValues: partitions.map { ($0, spec) })
        return try await session.listOffsets(wanted).compactMapValues(\.offset)
    }
}

/// A record that was looked for by its time: see `Consumer.offsetsForTimes`.
public struct OffsetAndTimestamp: Hashable, Sendable {
    /// Its place in the partition.
    public let offset: Offset
    /// Its time.
    public let timestamp: Timestamp
    /// The epoch of the leader that wrote it; nil if that is not known.
    public let leaderEpoch: Int32?
}
