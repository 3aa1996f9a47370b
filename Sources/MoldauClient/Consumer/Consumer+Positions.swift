public import MoldauRecords
internal import Synchronization

extension Consumer {
    // MARK: Partitions and positions

    /// Reads these partitions from now on, and no others. Retained ones keep their positions. For a consumer with
    /// manually assigned partitions.
    public func assign(_ partitions: Set<TopicPartition>) {
        precondition(
            session.state.withLock { $0.member == nil }, "a member of a group has its partitions from the group")
        session.cluster.refresh(Set(partitions.map(\.topic)).sorted())
        session.withFetch { $0.assign(partitions) }
    }

    /// The currently assigned partitions.
    public var assignment: Set<TopicPartition> { session.state.withLock { Set($0.fetch.order) } }

    /// Continues reading a partition at this offset; no-op if it is not assigned.
    public func seek(_ partition: TopicPartition, to offset: Offset) {
        session.withFetch { $0.seek(partition, to: offset) }
    }

    /// Continues reading partitions at their first records.
    public func seekToBeginning(_ partitions: Set<TopicPartition>) {
        session.withFetch { fetch in for partition in partitions.sorted() { fetch.seek(partition, to: .first) } }
    }

    /// Continues reading partitions at their ends, with the records that are appended from now on.
    public func seekToEnd(_ partitions: Set<TopicPartition>) {
        session.withFetch { fetch in for partition in partitions.sorted() { fetch.seek(partition, to: .end) } }
    }

    /// Returns no records of these partitions until `resume`.
    public func pause(_ partitions: Set<TopicPartition>) { session.withFetch { $0.pause(partitions, true) } }

    /// Resumes these partitions after `pause`.
    public func resume(_ partitions: Set<TopicPartition>) { session.withFetch { $0.pause(partitions, false) } }

    /// The offset after the last returned record; nil before one is known.
    public func position(_ partition: TopicPartition) -> Offset? {
        session.state.withLock { $0.position(partition, inHandTo: session.handedPosition) }
    }

    /// How many offsets remain up to the end of the partition, as of the last fetch; nil before one.
    public func lag(_ partition: TopicPartition) -> Int64? {
        session.state.withLock { state in
            guard let end = state.fetch.places[partition]?.end,
                let position = state.position(partition, inHandTo: session.handedPosition)
            else { return nil }
            return position.lag(behind: end)
        }
    }

    // MARK: Offsets

    /// Commits the positions after all returned records.
    /// - Throws: `ClientError.notMember` if the partitions were reassigned; other `ClientError`s; `CancellationError`.
    public func commit() async throws { try await session.commit(session.allPositions) }

    /// Commits these offsets, each that of the next record to read.
    /// - Throws: `ClientError`; `CancellationError`.
    public func commit(_ offsets: [TopicPartition: Offset]) async throws { try await session.commit(offsets) }

    /// Commits the positions after all returned records, without waiting: Kafka's `commitAsync`.
    /// - Parameter done: called with the outcome, in the order of the commits; it must not block.
    public func commitLater(then done: @escaping @Sendable (Result<Void, ClientError>) -> Void = { _ in }) {
        session.commitLater(session.allPositions, then: done)
    }

    /// Commits these offsets, each that of the next record to read, without waiting: Kafka's `commitAsync`. There is a
    /// single attempt; a later `commit` comes after it.
    /// - Parameters:
    ///   - offsets: the offsets to commit, by partition.
    ///   - done: called with the outcome, in the order of the commits; it must not block.
    public func commitLater(
        _ offsets: [TopicPartition: Offset],
        then done: @escaping @Sendable (Result<Void, ClientError>) -> Void = { _ in }
    ) { session.commitLater(offsets, then: done) }

    /// Returns the group's committed offsets; partitions without one are missing.
    /// - Throws: `ClientError`; `CancellationError`.
    public func committed(_ partitions: Set<TopicPartition>) async throws -> [TopicPartition: Offset] {
        try await session.committed(partitions, within: session.options.apiTimeout)
    }

    // MARK: Queries

    /// Returns each partition's first offset whose record has that timestamp or a later one; partitions without such a
    /// record are missing. Kafka's `offsetsForTimes`.
    /// - Throws: `ClientError`; `CancellationError`.
    public func offsetsForTimes(
        _ times: [TopicPartition: Timestamp]
    ) async throws -> [TopicPartition: OffsetAndTimestamp] {
        try await session.listOffsets(times.mapValues { .timestamp($0) }).compactMapValues { found in
            guard let offset = found.offset, let timestamp = found.timestamp else { return nil }
            return OffsetAndTimestamp(offset: offset, timestamp: timestamp, leaderEpoch: found.leaderEpoch)
        }
    }

    /// Returns the first offset that each partition holds.
    /// - Throws: `ClientError`; `CancellationError`.
    public func beginningOffsets(_ partitions: Set<TopicPartition>) async throws -> [TopicPartition: Offset] {
        try await offsets(partitions, .earliest)
    }

    /// Returns the offset after the last record of each partition; with `isolation.level` `readCommitted`, the one
    /// before the first open transaction.
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

/// A record found by its timestamp: see `Consumer.offsetsForTimes`.
public struct OffsetAndTimestamp: Hashable, Sendable {
    /// The record's offset.
    public let offset: Offset
    /// The record's timestamp.
    public let timestamp: Timestamp
    /// The epoch of the leader that wrote it; nil if unknown.
    public let leaderEpoch: Int32?
}
