package import MoldauRecords
internal import MoldauWire
internal import Synchronization

/// Reads whole record batches from partitions that are assigned manually, for a thread that may block. The bytes are
/// those received from the socket: they are neither copied nor decoded.
package final class BatchConsumer: Sendable {
    /// Consecutive batches of one partition.
    package struct Polled: Sendable {
        package let partition: TopicPartition
        package let bytes: SharedBytes
        /// Records before this offset were not requested; the first batch may contain some.
        package let from: Offset
        /// The offset at which the next batches begin.
        package let next: Offset
        /// The offset after the partition's last readable record, from the latest response.
        package let end: Offset
    }

    private struct Signals {
        var hasNews = false
        var isWoken = false
    }

    private let session: ConsumerSession
    private let signals: Monitor<Signals>

    /// A consumer without partitions.
    /// - Throws: `ClientError.invalidSetting`.
    package convenience init(_ options: ConsumerOptions, cluster: ClientOptions) throws(ClientError) {
        try self.init(options, cluster, try SocketWorld(cluster))
    }

    init(_ options: ConsumerOptions, _ cluster: ClientOptions, _ world: any ClientWorld) throws(ClientError) {
        session = try ConsumerSession(options, nil, cluster, world)
        let signals = Monitor(Signals())
        self.signals = signals
        session.state.withLock { $0.bell = { signals.withLock(wakes: true) { $0.hasNews = true } } }
    }

    // MARK: Partitions

    /// Reads these partitions from now on, and no others. Retained ones keep their positions; a new one has none until
    /// `seek`.
    package func assign(_ partitions: Set<TopicPartition>) {
        session.cluster.refresh(Set(partitions.map(\.topic)).sorted())
        session.withFetch { $0.assign(partitions) }
    }

    /// Continues reading a partition at this offset.
    package func seek(_ partition: TopicPartition, to offset: Offset) {
        session.withFetch { $0.seek(partition, to: offset) }
    }

    /// Pauses these partitions, which then return nothing, or resumes them.
    package func pause(_ partitions: Set<TopicPartition>, _ isPaused: Bool) {
        session.withFetch { $0.pause(partitions, isPaused) }
    }

    // MARK: Reading

    /// Waits for batches, and returns those available: about `limit` bytes at most. Empty if none arrive within `wait`,
    /// and after `wake`.
    /// - Throws: `ClientError`.
    package func poll(wait: Duration, limit: Int) throws(ClientError) -> [Polled] {
        let deadline = session.cluster.world.now + wait
        while true {
            signals.withLock { $0.hasNews = false }
            let polled = try take(limit)
            if !polled.isEmpty { return polled }
            let left = deadline - session.cluster.world.now
            if left <= .zero { return [] }
            let isOver: Bool? = signals.wait(timeout: left) { signals in
                if signals.isWoken {
                    signals.isWoken = false
                    return true
                }
                return signals.hasNews ? false : nil
            }
            if isOver ?? true { return [] }
        }
    }

    private func take(_ limit: Int) throws(ClientError) -> [Polled] {
        let (polled, error) = session.state.withLock { state in
            var polled: [Polled] = []
            var bytes = 0
            do throws(ClientError) {
                while bytes < limit, let chunk = try state.fetch.take() {
                    state.fetch.advance(chunk, to: chunk.next, nil)
                    bytes += chunk.bytes.count
                    polled.append(
                        Polled(
                            partition: chunk.partition, bytes: chunk.bytes.shared, from: chunk.from, next: chunk.next,
                            end: state.fetch.places[chunk.partition]?.end ?? chunk.next))
                }
                return (polled, ClientError?.none)
            } catch {
                // The batches taken so far count as returned. The error recurs when its data is fetched again.
                return (polled, polled.isEmpty ? error : nil)
            }
        }
        if !polled.isEmpty || error != nil { session.driveSoon() }
        if let error { throw error }
        return polled
    }

    /// Ends a waiting `poll`, or the next one if none is waiting. May be called from any thread.
    package func wake() { signals.withLock(wakes: true) { $0.isWoken = true } }

    // MARK: Offsets

    /// Returns the group's committed offsets; partitions without one are missing. Blocks.
    /// - Throws: `ClientError`.
    package func committed(
        _ partitions: Set<TopicPartition>
    ) throws -> [TopicPartition: AdminClient.OffsetAndMetadata] {
        let session = session
        return try waiting { try await session.committedPositions(partitions, within: session.options.apiTimeout) }
    }

    /// Commits offsets of a group, with or without a member id. Blocks.
    /// - Throws: `ClientError`.
    package func commit(
        _ offsets: [TopicPartition: AdminClient.OffsetAndMetadata], as member: ConsumerGroupMetadata
    ) throws {
        let session = session
        let code = try waiting { try await session.send(offsets, as: member) }
        guard code == .none else { throw ClientError.refused(code, "to commit offsets of the group '\(member.group)'") }
    }

    /// Closes the connections.
    package func close() {
        session.state.withLock { state in
            state.isClosed = true
            state.bell = nil
        }
        session.cluster.close()
    }
}
