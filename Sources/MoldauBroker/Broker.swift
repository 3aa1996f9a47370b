package import MoldauLog
package import MoldauRecords
internal import Synchronization

/// The broker: topics, their partitions' logs, and the committed offsets of groups. No sockets; shared by threads.
///
/// One process at a time works on a data directory: it is locked from `init` to `close`. Calls block on the file
/// system.
package final class Broker<Files: FileSystem>: Sendable {
    private struct State: Sendable {
        var catalog: TopicCatalog<Files>
        var partitions: [String: [BrokerPartition<Files>]] = [:]
        var lock: DirectoryLock?
        var isClosed = false
        /// Where the ids of topics come from.
        var randomness: any RandomNumberGenerator & Sendable
    }

    /// There while the data directory is whole: written at a clean stop, removed at the next start.
    private static var cleanMarker: String { ".kafka_cleanshutdown" }

    package let durability: Durability
    package let clock: @Sendable () -> Timestamp
    let uptime: @Sendable () -> Duration
    let files: Files
    let directory: String
    let sabotage: Sabotage
    private let wasClean: Bool
    /// What was durable when the broker was opened, by the partition's name.
    private let durableEnds: [String: Offset]
    private let groupCommit: GroupCommit<Files>
    private let state: Mutex<State>
    let groupOffsets = GroupOffsets()
    let transactions = Transactions()

    /// Opens a data directory, and makes it where there is none. After an unclean stop every partition is checked and
    /// its torn tail cut off before this returns.
    /// - Parameters:
    ///   - clock: the wall clock: what records and files are told.
    ///   - uptime: a clock that nobody sets, by which open transactions grow old; nil: the milliseconds of `clock`.
    ///   - randomness: where the ids of topics come from.
    /// - Throws: `LogError.locked` at once when another process has it; `.io`; `.damagedFile`.
    package init(
        _ files: Files, directory: String, durability: Durability, clock: @escaping @Sendable () -> Timestamp,
        uptime: (@Sendable () -> Duration)? = nil,
        randomness: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(), sabotage: Sabotage = []
    ) throws(LogError) {
        self.files = files
        self.sabotage = sabotage
        self.directory = directory
        self.durability = durability
        self.clock = clock
        self.uptime = uptime ?? { .milliseconds(clock().ms) }
        try files.createDirectory(directory)
        try files.syncParent(of: directory)
        let lock = try files.lock(directory)
        let journal = try DurabilityJournal(files, directory: directory)
        durableEnds = journal.ends
        groupCommit = GroupCommit(files, journal: journal)
        var catalog = try TopicCatalog(files, directory: directory)
        var randomness = randomness
        try catalog.giveIDs(using: &randomness)
        let marker = "\(directory)/\(Self.cleanMarker)"
        wasClean = files.exists(marker)
        if wasClean {
            try files.removeFile(marker)
            try files.syncDirectory(directory)
        }
        state = Mutex(State(catalog: catalog, lock: lock, randomness: randomness))
        for topic in catalog.topics.values.sorted(by: { $0.name < $1.name }) {
            let partitions = try makePartitions(of: topic, durableEnds)
            state.withLock { $0.partitions[topic.name] = partitions }
        }
        do {
            if !wasClean { try recover() }
            try recoverTransactions(wasClean: wasClean)
            try loadOffsets()
            if !wasClean { try limitOffsets() }
        } catch {
            guard case .log(_, let cause) = error else { throw .offline(reason: "\(error)") }
            throw cause
        }
    }

    private func makePartitions(
        of topic: TopicMetadata, _ durableEnds: [String: Offset] = [:]
    ) throws(LogError) -> [BrokerPartition<Files>] {
        var configuration = try LogConfiguration(topic.configuration)
        configuration.sabotage = sabotage
        return (0..<topic.partitionCount).map { number in
            let name = TopicPartition(topic.name, number)
            return BrokerPartition(
                name, topicID: topic.id, files: files, directory: "\(directory)/\(name)", configuration: configuration,
                wasClean: wasClean, durableEnd: durableEnds["\(name)"] ?? .zero, groupCommit: groupCommit, clock: clock)
        }
    }

    // Partitions that wait for a sync hold what holds them.
    deinit { groupCommit.letGo() }

    /// Opens all logs, and makes durable what they hold. Logs whose records are missing or damaged stay closed: their
    /// partitions answer every call with the reason.
    private func recover() throws(BrokerError) {
        for partition in allPartitions() {
            do throws(BrokerError) {
                try partition.recover()
            } catch {
                guard case .log(_, let cause) = error, cause.isLoss, !partition.name.topic.hasPrefix("__") else {
                    throw error
                }
            }
        }
        try syncNow()
    }

    func allPartitions() -> [BrokerPartition<Files>] {
        state.withLock { state in
            state.partitions.sorted { $0.key < $1.key }.flatMap { $0.value }
        }
    }

    // MARK: Topics

    /// All topics, by name.
    package func topics() -> [TopicMetadata] {
        state.withLock { $0.catalog.topics.values.sorted { $0.name < $1.name } }
    }

    package func topic(_ name: String) -> TopicMetadata? { state.withLock { $0.catalog.topics[name] } }

    /// Creates topics, all or none, durably. Each gets an id of its own, whatever id is asked for.
    package func create(_ topics: [TopicMetadata]) throws(BrokerError) {
        try state.withLock { state throws(BrokerError) in
            if state.isClosed { throw .closed }
            let topics = topics.map { $0.with(TopicID.random(using: &state.randomness)) }
            var made: [(String, [BrokerPartition<Files>])] = []
            for topic in topics {
                if let objection = TopicCatalog<Files>.objection(to: topic.name) {
                    throw .invalidTopic(name: topic.name, reason: objection)
                }
                if let objection = TopicCatalog<Files>.objection(toPartitionCount: topic.partitionCount) {
                    throw .invalidTopic(name: topic.name, reason: objection)
                }
                if state.catalog.topics[topic.name] != nil || made.contains(where: { $0.0 == topic.name }) {
                    throw .topicExists(topic.name)
                }
                do throws(LogError) {
                    made.append((topic.name, try makePartitions(of: topic)))
                } catch {
                    throw .invalidTopic(name: topic.name, reason: error.description)
                }
            }
            do throws(LogError) {
                // What a deletion left behind when it was cut short must not come back as records of the new topic.
                for topic in topics { try removeDirectories(of: topic.name, count: topic.partitionCount) }
                try state.catalog.change(adding: topics)
            } catch {
                throw .storage(error)
            }
            for (name, partitions) in made { state.partitions[name] = partitions }
        }
    }

    /// Deletes a topic with its records, and every group's offsets in it.
    package func delete(_ name: String) throws(BrokerError) {
        let removed = try state.withLock { state throws(BrokerError) in
            if state.isClosed { throw .closed }
            guard let partitions = state.partitions[name] else { throw .unknownTopic(name) }
            if name == Self.offsetsTopic { throw .internalTopic(name) }
            do throws(LogError) { try state.catalog.change(removing: [name]) } catch { throw .storage(error) }
            state.partitions[name] = nil
            return partitions
        }
        for partition in removed { partition.markDeleted() }
        do throws(LogError) {
            try removeDirectories(of: name, count: Int32(removed.count))
        } catch {
            throw .storage(error)
        }
        try forgetOffsets(inTopic: name)
    }

    private func removeDirectories(of topic: String, count: Int32) throws(LogError) {
        try groupCommit.forget((0..<count).map { TopicPartition(topic, $0) })
        for number in 0..<count { try files.removeDirectory("\(directory)/\(TopicPartition(topic, number))") }
    }

    /// The partition, to append to and read from.
    package func partition(_ name: TopicPartition) throws(BrokerError) -> BrokerPartition<Files> {
        try state.withLock { state throws(BrokerError) in
            if state.isClosed { throw .closed }
            guard let partitions = state.partitions[name.topic] else { throw .unknownTopic(name.topic) }
            guard name.partition.number >= 0, Int(name.partition.number) < partitions.count else {
                throw .unknownPartition(name, partitionCount: Int32(partitions.count))
            }
            return partitions[Int(name.partition.number)]
        }
    }

    // MARK: Durability

    /// Returns when everything appended before the call is as durable as `durability` promises. Blocks.
    /// - Throws: `BrokerError.storage(.offline)` when a sync failed, now or before.
    package func flush() throws(BrokerError) {
        do throws(LogError) {
            if durability == .sync { try groupCommit.sync() } else { try groupCommit.checkOnline() }
        } catch {
            throw .storage(error)
        }
    }

    /// Makes everything durable, whatever `durability` says: for the thread that keeps `.interval`'s promise.
    package func syncNow() throws(BrokerError) {
        do throws(LogError) { try groupCommit.sync() } catch { throw .storage(error) }
    }

    /// Lets go of what the topics' retention lets go of.
    package func applyRetention() throws(BrokerError) {
        for partition in allPartitions() { try partition.applyRetention() }
    }

    /// Compacts the partitions where it is worth it, one after the other. A partition where it fails is left as it is.
    /// - Throws: the first failure, after all were tried.
    package func compact() throws(BrokerError) {
        // Decisions that newer ones replace are needed until their markers are durable.
        try syncNow()
        var failure: BrokerError?
        for partition in allPartitions() where !partition.isDeleted {
            do throws(BrokerError) {
                try partition.compact()
            } catch {
                if !partition.isDeleted { failure = failure ?? error }
            }
        }
        if let failure { throw failure }
    }

    /// Makes everything durable and frees the directory. Every later call throws `.closed`; a second `close` does
    /// nothing.
    package func close() throws(BrokerError) {
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isFirst else { return }
        defer { state.withLock { $0.lock = nil } }
        do throws(LogError) {
            try groupCommit.sync()
            // A closed partition tells the journal nothing any more.
            try groupCommit.closeJournal()
            for partition in allPartitions() { try partition.close() }
            try files.replace("\(directory)/\(Self.cleanMarker)", with: [], in: directory, sync: true)
        } catch {
            throw .storage(error)
        }
    }
}
