internal import MoldauLog
internal import MoldauRecords
internal import Synchronization

/// The transactional ids that the broker knows, each with a lock of its own: a commit waits for the disk, and only its
/// own producer should wait with it.
final class Transactions: Sendable {
    struct State: Sendable {
        /// nil before the first producer of the id.
        var record: TransactionRecord?
        /// Offsets that take effect with the commit.
        var offsets: [String: [TopicPartition: GroupOffset]] = [:]
        /// When its transaction began, by the broker's uptime; for one that was found on disk, when it was found.
        var begun = Duration.zero
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
        /// By the ids of the producers that were made for them.
        var byProducer: [Int64: Slot] = [:]
        /// The newest producer of each id.
        var newest: [String: Int64] = [:]
        /// The partitions of the topic whose records cannot be read: the transactions recorded there are unknown.
        var unreadable: [Int32: LogError] = [:]
    }

    private let known = Mutex(Known())
    /// The producer ids that may be given out; the next start continues after the reserved block.
    let producerIDs = Mutex<Range<Int64>>(0..<0)

    func slot(_ id: String) -> Slot {
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

    /// Notes that a producer was made for an id. Must be called before the producer can write.
    func note(_ producer: Int64, of id: String) {
        let slot = slot(id)
        known.withLock { known in
            known.byProducer[producer] = slot
            known.newest[id] = producer
        }
    }

    func recover(_ id: String, _ record: TransactionRecord, at uptime: Duration) {
        let slot = Slot(id, State(record: record, begun: uptime))
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
    var all: [Slot] { known.withLock { $0.slots.values.sorted { $0.id < $1.id } } }
}

extension Transactions.State {
    /// Whether the id's producer may append to a partition now: only the newest producer, and in a transaction only to
    /// partitions that were added to it.
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
