internal import MoldauBroker
internal import MoldauCluster
internal import MoldauLog
internal import MoldauRecords

/// Reads the committed records of partitions of a broker in this process.
final class EmbeddedConsumer<Files: FileSystem>: Consumer {
    private struct Assigned {
        let source: BrokerPartition<Files>
        /// Whether records are returned before they are durable, and those of its own transaction before the commit.
        let readsAhead: Bool
        var position: Offset?
        var cursor: LogCursor?
        var isPaused = false
    }

    /// The most that one poll returns from one partition, and in total.
    private static var maxPartitionBytes: Int { 1 << 20 }
    private static var maxPollBytes: Int { 16 << 20 }

    let wakeup: Wakeup
    private let options: ConsumerOptions

    private let broker: Broker<Files>
    private let news: PollWait
    private var assigned: [TopicPartition: Assigned] = [:]
    /// The assigned partitions in the order in which they are read.
    private var order: [TopicPartition] = []
    /// The partition that the next poll reads first, so that none starves behind a busy one.
    private var turn = 0
    private var isClosed = false
    /// Its number among the workers of the application in its group.
    private var worker: Int?

    init(_ broker: Broker<Files>, _ options: ConsumerOptions) {
        self.broker = broker
        self.options = options
        let news = PollWait()
        self.news = news
        wakeup = Wakeup { news.wake() }
    }

    deinit { close() }

    func assign(_ partitions: Set<TopicPartition>) throws {
        try checkOpen()
        var sources: [TopicPartition: BrokerPartition<Files>] = [:]
        for name in partitions.sorted() where assigned[name] == nil {
            sources[name] = try source(name)
        }
        for (name, old) in assigned where !partitions.contains(name) {
            old.source.remove(news.bell)
            assigned[name] = nil
        }
        for (name, source) in sources {
            source.add(news.bell, for: .appends)
            assigned[name] = Assigned(source: source, readsAhead: options.readsAhead.includes(name.topic))
        }
        order = partitions.sorted()
        turn = 0
        if let group = options.group { worker = broker.note(partitions, of: worker, options.clientID, in: group) }
    }

    func seek(_ partition: TopicPartition, to offset: Offset) throws {
        precondition(
            assigned[partition] != nil, "only an assigned partition has a position: \(partition) is not assigned")
        assigned[partition]?.position = offset
        assigned[partition]?.cursor = nil
    }

    func position(_ partition: TopicPartition) -> Offset? { assigned[partition]?.position }

    func pause(_ partitions: Set<TopicPartition>) {
        for name in partitions { assigned[name]?.isPaused = true }
    }

    func resume(_ partitions: Set<TopicPartition>) {
        for name in partitions { assigned[name]?.isPaused = false }
    }

    func poll(wait: Duration) throws -> [FetchedBatches] {
        try checkOpen()
        let limit = wait > .zero ? ContinuousClock.now + wait : nil
        while true {
            news.clear()
            let fetched = try fetch()
            if !fetched.isEmpty {
                if mustWaitForDisk(fetched) { try makeDurable(fetched) }
                return fetched
            }
            let left = limit.map { $0 - ContinuousClock.now } ?? .zero
            if left <= .zero || news.wait(timeout: left) != .data { return [] }
        }
    }

    private func mustWaitForDisk(_ fetched: [FetchedBatches]) -> Bool {
        fetched.contains { batches in
            guard let read = assigned[batches.partition], !read.readsAhead, let position = read.position else {
                return false
            }
            return !read.source.isDurable(upTo: position)
        }
    }

    /// Makes the records durable before they are returned, or moves back to where they begin: one sync, shared with all
    /// concurrent waiters.
    private func makeDurable(_ fetched: [FetchedBatches]) throws {
        do {
            try translating { () throws(BrokerError) in try broker.flush() }
        } catch {
            for batches in fetched {
                assigned[batches.partition]?.position = batches.firstOffset
                assigned[batches.partition]?.cursor = nil
            }
            throw error
        }
    }

    private func fetch() throws -> [FetchedBatches] {
        var fetched: [FetchedBatches] = []
        var bytes = 0
        // The id may have changed since the last poll, if another producer has taken over.
        let ownProducer = options.readsTransactionsOf.flatMap(broker.producerID)
        for _ in order.indices where bytes < Self.maxPollBytes {
            let next: FetchedBatches?
            do {
                next = try fetch(order[turn], openOf: ownProducer)
            } catch {
                // What was fetched counts as returned. The partition is the first of the next poll, which then throws.
                if fetched.isEmpty { throw error }
                return fetched
            }
            turn = turn + 1 == order.count ? 0 : turn + 1
            guard let batches = next else { continue }
            fetched.append(batches)
            bytes += batches.bytes.count
        }
        return fetched
    }

    private func fetch(_ name: TopicPartition, openOf producer: Int64?) throws -> FetchedBatches? {
        guard let slot = assigned.index(forKey: name) else { return nil }
        let source = assigned.values[slot].source
        let producer = assigned.values[slot].readsAhead ? producer : nil
        while !assigned.values[slot].isPaused, let position = assigned.values[slot].position {
            let cursor = assigned.values[slot].cursor
            let read = try translating { () throws(BrokerError) in
                try source.read(
                    from: position, maxBytes: Self.maxPartitionBytes, after: cursor, onlyCommitted: true,
                    openOf: producer)
            }
            guard let read else { return nil }
            assigned.values[slot].position = read.next.offset
            assigned.values[slot].cursor = read.next
            let bytes = read.committed
            // Nothing is left after compaction or an abort: continue, because more records may follow, for which no
            // bell will ring.
            if bytes.count == 0 { continue }
            return FetchedBatches(partition: name, bytes: bytes, firstOffset: position, end: read.end)
        }
        return nil
    }

    func bounds(of partitions: Set<TopicPartition>) throws -> [TopicPartition: Range<Offset>] {
        try checkOpen()
        var bounds: [TopicPartition: Range<Offset>] = [:]
        for name in partitions.sorted() {
            let source = try source(name)
            bounds[name] = try translating { () throws(BrokerError) in try source.bounds() }
        }
        return bounds
    }

    func ends(of partitions: Set<TopicPartition>) throws -> [TopicPartition: Offset] {
        try checkOpen()
        var ends: [TopicPartition: Offset] = [:]
        for name in partitions.sorted() {
            let source = try source(name)
            ends[name] = try translating { () throws(BrokerError) in try source.endOffset() }
        }
        return ends
    }

    func offset(in partition: TopicPartition, atOrAfter time: Timestamp) throws -> Offset? {
        let source = try source(partition)
        return try translating { () throws(BrokerError) in try source.offset(atOrAfter: time) }
    }

    var groupMetadata: GroupMetadata { GroupMetadata(group: requireGroup()) }

    func committed(_ partitions: Set<TopicPartition>) throws -> [TopicPartition: CommittedOffset] {
        try checkOpen()
        let group = requireGroup()
        try translating { () throws(BrokerError) in try broker.checkReadable(group: group) }
        return broker.committedOffsets(of: group).filter { partitions.contains($0.key) }
            .mapValues { CommittedOffset($0.offset, metadata: $0.metadata) }
    }

    func commit(_ offsets: [TopicPartition: CommittedOffset]) throws {
        try checkOpen()
        let now = broker.clock()
        let group = requireGroup()
        try translating { () throws(BrokerError) in
            try broker.commit(
                offsets.mapValues { GroupOffset(offset: $0.offset, metadata: $0.metadata, time: now) }, of: group)
        }
    }

    func close() {
        isClosed = true
        for (_, old) in assigned { old.source.remove(news.bell) }
        assigned = [:]
        order = []
        if let worker, let group = options.group { broker.forget(worker: worker, in: group) }
        worker = nil
    }

    private func source(_ name: TopicPartition) throws(ClusterError) -> BrokerPartition<Files> {
        if let known = assigned[name] { return known.source }
        return try translating { () throws(BrokerError) in try broker.partition(name) }
    }

    private func requireGroup() -> String {
        guard let group = options.group else {
            preconditionFailure(
                "the consumer '\(options.clientID)' has no group, so no committed offsets: make it with a 'group'")
        }
        return group
    }

    private func checkOpen() throws(ClusterError) { if isClosed { throw .closed } }
}
