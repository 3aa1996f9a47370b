internal import MoldauClient
internal import MoldauCluster
internal import MoldauRecords

/// Reads the committed records of partitions of a Kafka cluster.
final class KafkaConsumer: MoldauCluster.Consumer {
    /// The most that one poll returns.
    private static var maxPollBytes: Int { 16 << 20 }
    /// A topic unknown to the brokers for this long counts as deleted.
    private static var patience: Duration { .seconds(10) }

    let wakeup: Wakeup
    private let inner: BatchConsumer
    private let cluster: KafkaCluster
    private let options: MoldauCluster.ConsumerOptions
    private var assigned: Set<TopicPartition> = []
    private var positions: [TopicPartition: Offset] = [:]

    init(_ cluster: KafkaCluster, _ options: MoldauCluster.ConsumerOptions) throws {
        (self.cluster, self.options) = (cluster, options)
        var own = MoldauClient.ConsumerOptions()
        own.group = options.group
        own.isolation = .readCommitted
        own.offsetReset = .none
        own.commitsAutomatically = false
        own.apiTimeout = cluster.options.deliveryTimeout
        if options.tellsMissingTopics { own.missingTopicPatience = Self.patience }
        // A partition that is assigned or resumed must wait for the fetch in flight to return.
        own.fetchMaxWait = .milliseconds(100)
        own.fetchMaxBytes = 8 << 20
        let inner = try translating { try BatchConsumer(own, cluster: cluster.client(named: options.clientID)) }
        self.inner = inner
        wakeup = Wakeup { inner.wake() }
    }

    deinit { inner.close() }

    func assign(_ partitions: Set<TopicPartition>) throws {
        guard partitions != assigned else { return }
        assigned = partitions
        positions = positions.filter { partitions.contains($0.key) }
        inner.assign(partitions)
    }

    func seek(_ partition: TopicPartition, to offset: Offset) throws {
        precondition(
            assigned.contains(partition), "only an assigned partition has a position: \(partition) is not assigned")
        positions[partition] = offset
        inner.seek(partition, to: offset)
    }

    func position(_ partition: TopicPartition) -> Offset? { positions[partition] }
    func pause(_ partitions: Set<TopicPartition>) { if !partitions.isEmpty { inner.pause(partitions, true) } }
    func resume(_ partitions: Set<TopicPartition>) { if !partitions.isEmpty { inner.pause(partitions, false) } }

    func poll(wait: Duration) throws -> [FetchedBatches] {
        let polled: [BatchConsumer.Polled]
        do {
            polled = try inner.poll(wait: wait, limit: Self.maxPollBytes)
        } catch ClientError.noPosition(let partition, _) {
            let held = try bounds(of: [partition])[partition] ?? .zero..<(.zero)
            throw ClusterError.offsetOutOfRange(partition, requested: positions[partition] ?? .zero, held: held)
        } catch ClientError.truncated(let partition, let end) {
            // The part of what was read that is still there. Later offsets hold other records now.
            let start = try bounds(of: [partition])[partition]?.lowerBound ?? .zero
            throw ClusterError.offsetOutOfRange(
                partition, requested: positions[partition] ?? .zero, held: min(start, end)..<end)
        } catch {
            throw ClusterError(error)
        }
        for batches in polled { positions[batches.partition] = batches.next }
        // Nothing remains of an aborted transaction.
        return polled.lazy.filter { $0.bytes.count > 0 }.map { batches in
            FetchedBatches(
                partition: batches.partition, bytes: batches.bytes, firstOffset: batches.from, end: batches.end)
        }
    }

    // MARK: Queries

    func bounds(of partitions: Set<TopicPartition>) throws -> [TopicPartition: Range<Offset>] {
        try bounds(of: partitions, within: nil)
    }

    func bounds(of partitions: Set<TopicPartition>, within time: Duration?) throws -> [TopicPartition: Range<Offset>] {
        let (firsts, ends) = (
            try offsets(of: partitions, .earliest, within: time),
            try offsets(of: partitions, .latest, isolation: .readCommitted, within: time)
        )
        return firsts.reduce(into: [:]) { bounds, entry in
            let end = ends[entry.key] ?? entry.value
            bounds[entry.key] = entry.value..<max(entry.value, end)
        }
    }

    func ends(of partitions: Set<TopicPartition>) throws -> [TopicPartition: Offset] {
        try ends(of: partitions, within: nil)
    }

    func ends(of partitions: Set<TopicPartition>, within time: Duration?) throws -> [TopicPartition: Offset] {
        try offsets(of: partitions, .latest, within: time)
    }

    func offset(in partition: TopicPartition, atOrAfter time: Timestamp) throws -> Offset? {
        try offsets(of: [partition], .timestamp(time), isolation: .readCommitted)[partition]
    }

    private func offsets(
        of partitions: Set<TopicPartition>, _ spec: AdminClient.OffsetSpec,
        isolation: MoldauClient.ConsumerOptions.Isolation = .readUncommitted, within time: Duration? = nil
    ) throws -> [TopicPartition: Offset] {
        guard !partitions.isEmpty else { return [:] }
        let questions = cluster.questions
        return try translating {
            try waiting(within: time) { try await questions.listOffsets(of: partitions, spec, isolation: isolation) }
                .all()
                .compactMapValues(\.offset)
        }
    }

    // MARK: The group

    var groupMetadata: GroupMetadata { GroupMetadata(group: requireGroup()) }

    func committed(_ partitions: Set<TopicPartition>) throws -> [TopicPartition: CommittedOffset] {
        _ = requireGroup()
        guard !partitions.isEmpty else { return [:] }
        return try translating { try inner.committed(partitions) }
            .mapValues { CommittedOffset($0.offset, metadata: $0.metadata) }
    }

    func committed(
        _ partitions: Set<TopicPartition>, within time: Duration?
    ) throws -> [TopicPartition: CommittedOffset] {
        guard let time else { return try committed(partitions) }
        let (questions, group) = (cluster.questions, requireGroup())
        guard !partitions.isEmpty else { return [:] }
        return try translating {
            // Does not wait for open transactions: the offsets committed before them are good enough.
            try waiting(within: time) { try await questions.listGroupOffsets(group) }
        }
        .filter { partitions.contains($0.key) }.mapValues { CommittedOffset($0.offset, metadata: $0.metadata) }
    }

    func commit(_ offsets: [TopicPartition: CommittedOffset]) throws {
        let group = requireGroup()
        let offsets = offsets.mapValues(AdminClient.OffsetAndMetadata.init)
        try translating { try cluster.committing(group: group) { try inner.commit(offsets, as: $0) } }
    }

    private func requireGroup() -> String {
        guard let group = options.group else {
            preconditionFailure(
                "the consumer '\(options.clientID)' has no group, so no committed offsets: make it with a 'group'")
        }
        return group
    }

    func close() { inner.close() }
}

extension AdminClient.OffsetAndMetadata {
    init(_ position: CommittedOffset) { self.init(position.offset, metadata: position.metadata) }
}
