internal import MoldauRecords
internal import Synchronization

/// The transactional ids that the broker knows, each behind a lock of its own: a commit waits for the disk, and only
/// its own producer waits with it.
final class Transactions: Sendable {
    struct State: Sendable {
        /// nil before the first producer of the id.
        var record: TransactionRecord?
        /// Offsets that count from the commit on.
        var offsets: [String: [TopicPartition: GroupOffset]] = [:]
        /// Whether it was read from disk: then its offsets are in their topic alone.
        var isRecovered = false
        /// Since when its transaction is open, by the broker's uptime; one that was found on disk, since it was found.
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

    private let slots = Mutex<[String: Slot]>([:])
    /// The ids of producers that may be given out, and where that is noted for the next start.
    let producerIDs = Mutex<Range<Int64>>(0..<0)

    func slot(_ id: String) -> Slot {
        slots.withLock { slots in
            if let known = slots[id] { return known }
            let slot = Slot(id, State())
            slots[id] = slot
            return slot
        }
    }

    func recover(_ id: String, _ record: TransactionRecord, at uptime: Duration) {
        let slot = Slot(id, State(record: record, isRecovered: true, begun: uptime))
        slots.withLock { $0[id] = slot }
    }

    /// By id.
    var all: [Slot] { slots.withLock { $0.values.sorted { $0.id < $1.id } } }
}
