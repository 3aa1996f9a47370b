// Incremental fetches (KIP-227): the broker remembers which partitions a client reads and what it last returned for
// each, so a request contains only the partitions that changed, and an answer only those with something new.
//
//     session 0, epoch 0    all partitions are named; a session begins      → its id, all partitions
//     session 0, epoch −1   all partitions are named; no session            → 0, all partitions
//     session n, epoch e    what changed since epoch e − 1                  → n, what is new
//     session n, epoch −1   the session ends; as without one

internal import MoldauRecords
internal import MoldauWire
internal import Synchronization

/// A partition that a client reads.
struct FetchedPartition: Sendable {
    /// The topic's name; with `topicID` from version 13 on, empty then if no topic has the id.
    var name: TopicPartition
    var topicID: TopicID
    var offset: Offset
    var maxBytes: Int
    var leaderEpoch: Int32
    /// What was last returned to the client; nil if nothing was.
    var told: Told?

    struct Told: Equatable, Sendable {
        var highWatermark: Offset
        var logStartOffset: Offset
    }

    struct Key: Hashable, Sendable {
        var topic: String
        var topicID: TopicID
        var number: Int32
    }

    /// Its key in requests.
    var key: Key {
        Key(topic: topicID == .zero ? name.topic : "", topicID: topicID, number: name.partition.number)
    }
}

/// One client's session. Its requests arrive one after the other.
final class FetchSession: Sendable {
    struct State: Sendable {
        /// In the order in which they were added; those that returned records move to the end.
        var partitions: [FetchedPartition] = []
        var places: [FetchedPartition.Key: Int] = [:]
        /// The epoch that the next request must have.
        var epoch: Int32 = 1
    }

    let id: Int32
    /// Whether requests use topic ids.
    let usesIDs: Bool
    let state: Mutex<State>

    init(id: Int32, usesIDs: Bool, _ partitions: [FetchedPartition]) {
        (self.id, self.usesIDs) = (id, usesIDs)
        var state = State()
        for partition in partitions { state.set(partition) }
        self.state = Mutex(state)
    }
}

extension FetchSession.State {
    /// Adds a partition, or changes its fetch position.
    mutating func set(_ partition: FetchedPartition) {
        if let place = places[partition.key] {
            let told = partitions[place].told
            partitions[place] = partition
            partitions[place].told = told
        } else {
            places[partition.key] = partitions.count
            partitions.append(partition)
        }
    }

    mutating func remove(_ gone: Set<FetchedPartition.Key>) {
        if gone.isEmpty { return }
        partitions.removeAll { gone.contains($0.key) }
        number()
    }

    /// Records what is returned for partitions now. Those with records move behind the others, so that all get their
    /// turn.
    mutating func tell(_ told: [FetchedPartition.Key: FetchedPartition.Told], withRecords: Set<FetchedPartition.Key>) {
        for (key, told) in told {
            if let place = places[key] { partitions[place].told = told }
        }
        guard !withRecords.isEmpty, withRecords.count < partitions.count else { return }
        partitions =
            partitions.filter { !withRecords.contains($0.key) } + partitions.filter { withRecords.contains($0.key) }
        number()
    }

    /// Moves to the next epoch; 0 is skipped, because it starts a session.
    mutating func advance() { epoch = epoch == .max ? 1 : epoch + 1 }

    private mutating func number() {
        places = Dictionary(uniqueKeysWithValues: partitions.enumerated().map { ($1.key, $0) })
    }
}

/// The sessions of all clients. If there are too many, the least recently used one is evicted.
final class FetchSessions: Sendable {
    fileprivate struct State {
        var sessions: [Int32: (session: FetchSession, used: Int)] = [:]
        var useCount = 0
        var partitionCount = 0
        var lastID: Int32 = 0
    }

    private let limit: Int
    private let state = Mutex(State())

    /// The maximum number of partitions in all sessions together.
    private static var maxPartitions: Int { 200_000 }

    init(limit: Int) { self.limit = limit }

    /// Starts a session.
    /// - Returns: nil if there is no room: the client continues without one.
    func begin(usesIDs: Bool, _ partitions: [FetchedPartition]) -> FetchSession? {
        guard limit > 0, !partitions.isEmpty, partitions.count <= Self.maxPartitions else { return nil }
        return state.withLock { state in
            while state.sessions.count >= limit || state.partitionCount + partitions.count > Self.maxPartitions {
                guard let oldest = state.sessions.min(by: { $0.value.used < $1.value.used })?.key else { break }
                state.end(oldest)
            }
            repeat {
                state.lastID = state.lastID == .max ? 1 : state.lastID + 1
            } while state.sessions[state.lastID] != nil
            let session = FetchSession(id: state.lastID, usesIDs: usesIDs, partitions)
            state.useCount += 1
            state.sessions[session.id] = (session, state.useCount)
            state.partitionCount += partitions.count
            return session
        }
    }

    /// Finds a session, and marks it as used; nil if it has ended.
    func find(_ id: Int32) -> FetchSession? {
        state.withLock { state in
            guard let found = state.sessions[id] else { return nil }
            state.useCount += 1
            state.sessions[id]?.used = state.useCount
            return found.session
        }
    }

    /// Ends a session; no-op if it does not exist.
    func end(_ id: Int32) { state.withLock { $0.end(id) } }

    /// Called when the number of partitions in a session has changed.
    func note(added: Int) { state.withLock { $0.partitionCount += added } }
}

extension FetchSessions.State {
    fileprivate mutating func end(_ id: Int32) {
        guard let ended = sessions.removeValue(forKey: id) else { return }
        partitionCount -= ended.session.state.withLock { $0.partitions.count }
    }
}
