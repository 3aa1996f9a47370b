package import Logging
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

    package let durability: Durability
    package let clock: @Sendable () -> Timestamp
    let uptime: @Sendable () -> Duration
    let files: Files
    let directory: String
    /// Gets to know what is deleted, moved or made up: what nobody asked for.
    let logger: Logger
    private let wasClean: Bool
    /// What was durable when the broker was opened, by the partition's name.
    private let durableEnds: [String: Offset]
    /// Where partitions began when it was last written down for Kafka.
    private let checkpointedStarts: [TopicPartition: Offset]
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
    ///   - logger: gets to know what is deleted, moved or made up.
    /// - Throws: `LogError.locked` at once when another process has it; `.io`; `.damagedFile`; `.copiedWhileOpen`.
    package init(
        _ files: Files, directory: String, durability: Durability, clock: @escaping @Sendable () -> Timestamp,
        uptime: (@Sendable () -> Duration)? = nil,
        randomness: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        logger: Logger = Logger(label: "moldau.broker")
    ) throws(LogError) {
        self.files = files
        self.directory = directory
        self.durability = durability
        self.clock = clock
        self.uptime = uptime ?? { .milliseconds(clock().ms) }
        try files.createDirectory(directory)
        try files.syncParent(of: directory)
        let lock = try files.lock(directory)
        self.logger = logger
        var opened = DataDirectory(files: files, path: directory, logger: logger, randomness: randomness)
        let found = try opened.open()
        (wasClean, durableEnds, checkpointedStarts) = (found.wasClean, found.journal.ends, found.starts)
        groupCommit = GroupCommit(files, journal: found.journal)
        state = Mutex(State(catalog: found.catalog, lock: lock, randomness: opened.randomness))
        for topic in found.catalog.topics.values.sorted(by: { $0.name < $1.name }) {
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
        of topic: TopicMetadata, _ durableEnds: [String: Offset] = [:], isNew: Bool = false
    ) throws(LogError) -> [BrokerPartition<Files>] {
        let configuration = try configuration(of: topic)
        return (0..<topic.partitionCount).map { number in
            let name = TopicPartition(topic.name, number)
            return BrokerPartition(
                name, topicID: topic.id, files: files, directory: "\(directory)/\(name)", configuration: configuration,
                wasClean: wasClean, durableEnd: durableEnds["\(name)"] ?? .zero,
                checkpointedStart: isNew ? .zero : checkpointedStarts[name] ?? .zero, groupCommit: groupCommit,
                clock: clock, transactions: transactions)
        }
    }

    private func configuration(of topic: TopicMetadata) throws(LogError) -> LogConfiguration {
        try LogConfiguration(topic.configuration)
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
                guard case .log(_, let cause) = error, cause.isLoss else { throw error }
            }
        }
        try syncNow()
    }

    /// Whether a topic holds the broker's own records: it alone writes there.
    package static func isInternal(_ topic: String) -> Bool { topic == offsetsTopic || topic == transactionsTopic }

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
                    made.append((topic.name, try makePartitions(of: topic, isNew: true)))
                } catch {
                    throw .invalidTopic(name: topic.name, reason: error.description)
                }
            }
            do throws(LogError) {
                for topic in topics { try moveAside(topic, &state) }
                try state.catalog.change(adding: topics)
                let opened = DataDirectory(
                    files: files, path: directory, logger: logger, randomness: state.randomness)
                for topic in topics { try opened.makeLastDirectory(of: topic) }
            } catch {
                throw .storage(error)
            }
            for (name, partitions) in made { state.partitions[name] = partitions }
        }
    }

    /// Changes settings of a topic, durably; they hold at once. nil takes a setting back to its default.
    /// - Throws: `BrokerError.invalidSettings`: nothing has changed then.
    package func configure(_ name: String, _ changes: [String: String?]) throws(BrokerError) {
        try state.withLock { state throws(BrokerError) in
            if state.isClosed { throw .closed }
            guard let topic = state.catalog.topics[name], let partitions = state.partitions[name] else {
                throw .unknownTopic(name)
            }
            if Self.isInternal(name) { throw .internalTopic(name) }
            let changed = topic.with(changes)
            let settings: LogConfiguration
            do throws(LogError) {
                settings = try configuration(of: changed)
            } catch {
                throw .invalidSettings(topic: name, reason: error.description)
            }
            do throws(LogError) { try state.catalog.change(adding: [changed]) } catch { throw .storage(error) }
            for partition in partitions { partition.configure(settings) }
        }
    }

    /// Deletes a topic with its records, and every group's offsets in it.
    package func delete(_ name: String) throws(BrokerError) {
        let removed = try state.withLock { state throws(BrokerError) in
            if state.isClosed { throw .closed }
            guard let partitions = state.partitions[name] else { throw .unknownTopic(name) }
            if Self.isInternal(name) { throw .internalTopic(name) }
            do throws(LogError) { try state.catalog.change(removing: [name]) } catch { throw .storage(error) }
            state.partitions[name] = nil
            return partitions
        }
        for partition in removed { partition.markDeleted() }
        do throws(LogError) {
            try removeDirectories(of: removed.map(\.name))
        } catch {
            throw .storage(error)
        }
        try forgetOffsets(inTopic: name)
    }

    /// Directories that have the name of a new topic's, and were not deleted: nobody knows whose records they hold. So they are
    /// kept under another name.
    private func moveAside(_ topic: TopicMetadata, _ state: inout State) throws(LogError) {
        let partitions = (0..<topic.partitionCount).map { TopicPartition(topic.name, $0) }
        try groupCommit.forget(partitions)
        var isMoved = false
        for partition in partitions where files.exists("\(directory)/\(partition)") {
            let name = PartitionDirectory.name(for: partition, PartitionDirectory.stray, &state.randomness)
            try files.rename("\(directory)/\(partition)", to: "\(directory)/\(name)")
            isMoved = true
            logger.warning(
                "a directory of no known topic was moved aside, because a topic of its name is created",
                metadata: ["directory": "\(directory)/\(partition)", "now": "\(directory)/\(name)"])
        }
        if isMoved { try files.syncDirectory(directory) }
    }

    /// Removes partitions of a topic that the file of topics does not name any more. They get a name first that says it: a crash
    /// amid all this leaves nothing that could be taken for records of a topic.
    private func removeDirectories(of partitions: [TopicPartition]) throws(LogError) {
        try groupCommit.forget(partitions)
        var names: [String] = []
        for partition in partitions where files.exists("\(directory)/\(partition)") {
            let name = state.withLock { state in
                PartitionDirectory.name(for: partition, PartitionDirectory.deleted, &state.randomness)
            }
            try files.rename("\(directory)/\(partition)", to: "\(directory)/\(name)")
            names.append(name)
        }
        if names.isEmpty { return }
        try files.syncDirectory(directory)
        for name in names { try files.removeDirectory("\(directory)/\(name)") }
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
    /// - Throws: the first failure, after all were tried.
    package func applyRetention() throws(BrokerError) {
        defer { try? writeStarts() }
        try forEachPartition { partition throws(BrokerError) in
            guard let removed = try partition.applyRetention() else { return }
            logger.info(
                "records were deleted by retention",
                metadata: [
                    "topic": "\(partition.name.topic)", "partition": "\(partition.name.partition)",
                    "offsets": "\(removed.lowerBound)..<\(removed.upperBound)",
                ])
        }
    }

    /// One partition's failure does not keep the others from their turn.
    /// - Throws: the first failure, after all were tried.
    private func forEachPartition(_ body: (BrokerPartition<Files>) throws(BrokerError) -> Void) throws(BrokerError) {
        var failure: BrokerError?
        for partition in allPartitions() where !partition.isDeleted {
            do throws(BrokerError) {
                try body(partition)
            } catch {
                if !partition.isDeleted { failure = failure ?? error }
            }
        }
        if let failure { throw failure }
    }

    /// Compacts the partitions where it is worth it, one after the other. A partition where it fails is left as it is.
    /// - Throws: the first failure, after all were tried.
    package func compact() throws(BrokerError) {
        // Decisions that newer ones replace are needed until their markers are durable.
        try syncNow()
        try forEachPartition { partition throws(BrokerError) in _ = try partition.compact() }
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
            try writeCheckpoints()
            for partition in allPartitions() { try partition.close() }
            try DataDirectory.writeCleanMarker(files, in: directory)
        } catch {
            throw .storage(error)
        }
    }

    // MARK: For Kafka's programs

    /// Where the partitions begin; of those that nobody has used, what was known when the broker was opened.
    private func starts() -> [TopicPartition: Offset] {
        var starts: [TopicPartition: Offset] = [:]
        for partition in allPartitions() {
            let start = partition.openBounds?.lowerBound ?? checkpointedStarts[partition.name] ?? .zero
            if start > .zero { starts[partition.name] = start }
        }
        return starts
    }

    private func writeStarts() throws(LogError) { try OffsetCheckpoint.logStart.write(starts(), files, in: directory) }

    private func writeCheckpoints() throws(LogError) {
        try writeStarts()
        var ends: [TopicPartition: Offset] = [:]
        for partition in allPartitions() {
            let end = partition.openBounds?.upperBound ?? durableEnds["\(partition.name)"] ?? .zero
            if end > .zero { ends[partition.name] = end }
        }
        try OffsetCheckpoint.recoveryPoint.write(ends, files, in: directory)
        try OffsetCheckpoint.highWatermark.write(ends, files, in: directory)
    }
}
