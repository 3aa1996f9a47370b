internal import MoldauLog
internal import MoldauRecords
internal import Synchronization

/// The transactional ids that the broker knows, each with its own lock: a commit waits for the disk, and only calls of
/// its own producer should wait with it.
final class Transactions: Sendable {
    struct State: Sendable {
        /// nil before the first producer of the id.
        var record: TransactionRecord?
        /// Offsets that take effect with the commit.
        var offsets: [String: [TopicPartition: GroupOffset]] = [:]
        /// When its transaction began, by the broker's uptime; for one that was loaded from disk, when it was loaded.
        var begun = Duration.zero
        /// When its record last changed, by the broker's uptime.
        var used = Duration.zero
        /// How many of its transactions were decided since the broker loaded it.
        var number = 0
        /// Whether the last decision is on disk, so that it may be carried out.
        var isDurable = true
        /// Whether the id has expired: a new `State` may have replaced this one.
        var isGone = false
    }

    final class Slot: Sendable {
        let id: String
        let state: Mutex<State>

        init(_ id: String, _ state: State) {
            self.id = id
            self.state = Mutex(state)
        }
    }

    private struct Known: Sendable {
        var slots: [String: Slot] = [:]
        /// The ids by their producers.
        var byProducer: [Int64: Slot] = [:]
        /// The newest producer of each id.
        var newest: [String: Int64] = [:]
        /// The partitions of the topic whose records cannot be read: the transactions recorded there are unknown.
        var unreadable: [Int32: LogError] = [:]
    }

    let limits: ProducerLimits
    private let known = Mutex(Known())
    /// The unused producer ids; the next start continues after the reserved block.
    private let producerIDs = Mutex<Range<Int64>>(0..<0)
    /// Held while a block of ids is reserved, so that callers that only take an id do not wait for the disk.
    private let reservation = Mutex(())

    init(_ limits: ProducerLimits) { self.limits = limits }

    /// An unused producer id; nil if a block must be reserved first.
    func takeProducerID() -> Int64? {
        producerIDs.withLock { ids in
            guard let id = ids.first else { return nil }
            ids = (id + 1)..<ids.upperBound
            return id
        }
    }

    var hasProducerID: Bool { producerIDs.withLock { !$0.isEmpty } }

    /// - Parameter reserve: reserves a block; its argument is the id after all known ones.
    func reserveProducerIDs(_ reserve: (Int64) throws(LogError) -> Range<Int64>) throws(LogError) {
        try reservation.withLock { _ throws(LogError) in
            if hasProducerID { return }
            let block = try reserve(firstUnusedProducer)
            producerIDs.withLock { $0 = block }
        }
    }

    /// Runs `body` with the state of an id; adds the id if it is unknown.
    func withState<Answer: Sendable, Failure>(
        _ id: String, _ body: (inout State) throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        while true {
            let answer: Answer? = try slot(id).state.withLock { state throws(Failure) in
                state.isGone ? nil : try body(&state)
            }
            if let answer { return answer }
        }
    }

    private func slot(_ id: String) -> Slot {
        known.withLock { known in
            if let slot = known.slots[id] { return slot }
            let slot = Slot(id, State())
            known.slots[id] = slot
            return slot
        }
    }

    /// The transactional id that a producer was made for; nil if unknown.
    func slot(ofProducer producer: Int64) -> Slot? { known.withLock { $0.byProducer[producer] } }

    /// The newest producer of a transactional id; nil before the first. Does not wait for commits in progress.
    func newestProducer(of id: String) -> Int64? { known.withLock { $0.newest[id] } }

    /// Runs `body`, which appends with this stamp, if the producer may append to the partition now. Its transaction
    /// stays open meanwhile: the lock that is held for that costs nothing per record, and is never held during a wait
    /// for a sync.
    /// - Throws: `BrokerError.producerFenced`, `.invalidTransaction`; what `body` throws.
    func whileAdmitted<Answer: Sendable>(
        _ stamp: ProducerStamp, to partition: TopicPartition, _ body: () throws(BrokerError) -> Answer
    ) throws(BrokerError) -> Answer {
        guard let slot = slot(ofProducer: stamp.id) else {
            if stamp.isTransactional {
                throw .invalidTransaction(
                    id: "producer \(stamp.id)", reason: "that producer id belongs to no transactional id")
            }
            return try body()
        }
        return try slot.state.withLock { state throws(BrokerError) in
            try state.admit(stamp, to: partition, of: slot.id)
            return try body()
        }
    }

    /// Like `withState`, for an id from a client, which may be unknown.
    /// - Returns: nil if no producer was made for the id.
    func withKnownState<Answer: Sendable, Failure>(
        _ id: String, _ body: (inout State) throws(Failure) -> Answer
    ) throws(Failure) -> Answer? {
        guard known.withLock({ $0.slots[id] }) != nil else { return nil }
        return try withState(id, body)
    }

    /// - Throws: `BrokerError.tooManyTransactionalIDs` if the id is unknown, and the limit is reached.
    func checkRoom(for id: String) throws(BrokerError) {
        let limit = limits.transactionalIDs
        let isFull = known.withLock { $0.slots[id] == nil && $0.slots.count >= limit }
        if isFull { throw .tooManyTransactionalIDs(limit: limit) }
    }

    /// Removes an expired id.
    func forget(_ id: String) { known.withLock { known in (known.slots[id], known.newest[id]) = (nil, nil) } }

    /// Removes the producers of removed ids.
    func forgetProducersOfNone() {
        known.withLock { known in
            if known.byProducer.contains(where: { known.slots[$0.value.id] !== $0.value }) {
                known.byProducer = known.byProducer.filter { known.slots[$0.value.id] === $0.value }
            }
        }
    }

    /// Records that a producer was made for an id. Must be called before the producer can write.
    func note(_ producer: Int64, of id: String) {
        let slot = slot(id)
        known.withLock { known in
            known.byProducer[producer] = slot
            known.newest[id] = producer
        }
    }

    func recover(_ id: String, _ record: TransactionRecord, at uptime: Duration) {
        let slot = Slot(id, State(record: record, begun: uptime, used: uptime))
        known.withLock { known in
            known.slots[id] = slot
            known.byProducer[record.producer.id] = slot
            known.newest[id] = record.producer.id
        }
    }

    /// Greater than the producer ids of all known transactional ids.
    var firstUnusedProducer: Int64 { known.withLock { ($0.byProducer.keys.max() ?? -1).addingCapped(1) } }

    /// Marks a partition of the topic as damaged: its transactional ids cannot be used.
    func markUnreadable(_ partition: Int32, _ cause: LogError) { known.withLock { $0.unreadable[partition] = cause } }

    /// The damage of a partition of the topic; nil if there is none.
    func damage(of partition: Int32) -> LogError? { known.withLock { $0.unreadable[partition] } }

    /// Whether all transactional ids are known, so that a producer without a known id has none.
    var areAllKnown: Bool { known.withLock { $0.unreadable.isEmpty } }

    /// All ids, sorted.
    var all: [Slot] { known.withLock { $0.slots.values.sorted(on: \.id) } }
}

extension Transactions.State {
    /// Throws unless the id's producer may append to a partition now: only the newest producer, and in a transaction
    /// only to partitions that were added to it.
    func admit(_ stamp: ProducerStamp, to partition: TopicPartition, of id: String) throws(BrokerError) {
        guard let record, record.producer == ProducerIdentity(id: stamp.id, epoch: stamp.epoch) else {
            throw .producerFenced(id: id)
        }
        guard !stamp.isTransactional || (record.status == .ongoing && record.ends[partition] != nil) else {
            throw .invalidTransaction(id: id, reason: "no transaction that writes to \(partition) is open")
        }
    }
}

extension ProducerStamp {
    /// Whether two stamps differ at most in the sequence number.
    func isOfSameProducer(as other: ProducerStamp) -> Bool {
        id == other.id && epoch == other.epoch && isTransactional == other.isTransactional
    }
}
