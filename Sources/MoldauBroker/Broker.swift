package import Logging
package import MoldauLog
package import MoldauRecords
internal import Synchronization

/// The broker: topics, their partitions' logs, and the committed offsets of groups. Has no sockets; shared by threads.
///
/// Only one process at a time can use a data directory: it is locked from `init` to `close`. Calls block on the file
/// system.
package final class Broker<Files: FileSystem>: Sendable {
    private struct State: Sendable {
        var catalog: TopicCatalog<Files>
        var partitions: [String: [BrokerPartition<Files>]] = [:]
        var lock: DirectoryLock?
        var isClosed = false
        var limits = TopicLimits()
        /// The source of new topics' ids.
        var randomness: any RandomNumberGenerator & Sendable
    }

    package let durability: Durability
    package let clock: @Sendable () -> Timestamp
    let uptime: @Sendable () -> Duration
    let files: Files
    package let directory: String
    /// The id of the cluster that the directory belongs to; nil if its file does not contain one.
    package let clusterID: String?
    /// Gets warnings about actions that no caller requested: what is deleted, moved or reconstructed.
    let logger: Logger
    private let wasClean: Bool
    /// The durable ends of partitions when the broker was opened, by the partition's name.
    private let durableEnds: [String: Offset]
    /// The first offsets of partitions, from Kafka's checkpoint file.
    private let checkpointedStarts: [TopicPartition: Offset]
    let groupCommit: GroupCommit<Files>
    /// Runs completions for callers that do not block.
    package let callbacks: Callbacks
    private let state: Mutex<State>
    let groups: Groups
    let transactions: Transactions
    /// The users that can log in, and the access rules.
    package let security: Security<Files>

    /// Opens a data directory; creates it if it does not exist. After an unclean stop every partition is checked and
    /// its torn tail cut off before this returns.
    /// - Parameters:
    ///   - clock: the wall clock, for timestamps in records and files.
    ///   - uptime: a clock that is never set, for the age of open transactions; nil: the milliseconds of `clock`.
    ///   - randomness: the source of new topics' ids.
    ///   - logger: gets warnings about what is deleted, moved or reconstructed.
    ///   - limits: what producers may use.
    ///   - groupSettings: for the groups of clients.
    /// - Throws: `LogError.locked`, at once, if another process holds the lock; `.io`; `.damagedFile`;
    ///   `.copiedWhileOpen`.
    package init(
        _ files: Files, directory: String, durability: Durability, clock: @escaping @Sendable () -> Timestamp,
        uptime: (@Sendable () -> Duration)? = nil,
        randomness: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        logger: Logger = Logger(label: "moldau.broker"), callbacks driver: Callbacks.Driver = .ownThread,
        limits: ProducerLimits = ProducerLimits(), groupSettings: GroupSettings = GroupSettings()
    ) throws(LogError) {
        transactions = Transactions(limits)
        self.files = files
        self.directory = directory
        self.durability = durability
        self.clock = clock
        let uptime = uptime ?? { .milliseconds(clock().ms) }
        self.uptime = uptime
        callbacks = Callbacks(driver, uptime: uptime)
        try files.createDirectory(directory)
        try files.syncParent(of: directory)
        let lock = try files.lock(directory)
        self.logger = logger
        var opened = DataDirectory(files: files, path: directory, logger: logger, randomness: randomness)
        let found = try opened.open()
        clusterID = try opened.clusterID()
        security = try Security(files, directory: directory, randomness: opened.randomness)
        (wasClean, durableEnds, checkpointedStarts) = (found.wasClean, found.journal.ends, found.starts)
        groupCommit = GroupCommit(files, journal: found.journal, isAwaited: durability == .sync, callbacks)
        #if SABOTAGE
            var groupSettings = groupSettings
            groupSettings.sabotage = files.sabotage
        #endif
        groups = Groups(GroupCoordinator(groupSettings, randomness: opened.randomness))
        state = Mutex(State(catalog: found.catalog, lock: lock, randomness: opened.randomness))
        for topic in found.catalog.topics.values.sorted(on: \.name) {
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
        of topic: TopicMetadata, from first: Int32 = 0, _ durableEnds: [String: Offset] = [:], isNew: Bool = false
    ) throws(LogError) -> [BrokerPartition<Files>] {
        let configuration = try LogConfiguration(topic.configuration)
        return (first..<topic.partitionCount).map { number in
            let name = TopicPartition(topic.name, number)
            return BrokerPartition(
                name, topicID: topic.id, files: files, directory: "\(directory)/\(name)", configuration: configuration,
                wasClean: wasClean, durableEnd: durableEnds["\(name)"] ?? .zero,
                checkpointedStart: isNew ? .zero : checkpointedStarts[name] ?? .zero, groupCommit: groupCommit,
                clock: clock, transactions: transactions)
        }
    }

    // Breaks a reference cycle: partitions that wait for a sync refer to the group commit that holds them.
    deinit { groupCommit.letGo() }

    /// Opens all logs, and makes their content durable. Logs with missing or damaged records stay closed: every call to
    /// such a partition fails with the reason.
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

    /// Whether a topic holds the broker's own records, so that only the broker may write to it.
    package static func isInternal(_ topic: String) -> Bool { topic == offsetsTopic || topic == transactionsTopic }

    func allPartitions() -> [BrokerPartition<Files>] {
        state.withLock { state in
            state.partitions.sorted(on: \.key).flatMap { $0.value }
        }
    }

    // MARK: Topics

    /// All topics, sorted by name.
    package func topics() -> [TopicMetadata] {
        state.withLock { $0.catalog.topics.values.sorted(on: \.name) }
    }

    /// All topics, and their change count; nil if the count is still `count`.
    func topics(unless count: Int?) -> (topics: [TopicMetadata], count: Int)? {
        state.withLock { state in
            let catalog = state.catalog
            return catalog.changeCount == count ? nil : (Array(catalog.topics.values), catalog.changeCount)
        }
    }

    /// The metadata of a topic; nil if there is no topic of that name.
    package func topic(_ name: String) -> TopicMetadata? { state.withLock { $0.catalog.topics[name] } }

    /// Refuses topics and partitions beyond these totals from now on; existing ones stay.
    package func limitTopics(to limits: TopicLimits) { state.withLock { $0.limits = limits } }

    /// Refuses topics and partitions beyond the limits.
    private func checkRoom(for name: String, topics: Int, partitions: Int, _ state: State) throws(BrokerError) {
        if state.partitions.count + topics > state.limits.topics {
            throw .tooManyPartitions(topic: name, limit: state.limits.topics)
        }
        if state.partitions.values.reduce(partitions, { $0 + $1.count }) > state.limits.partitions {
            throw .tooManyPartitions(topic: name, limit: state.limits.partitions)
        }
    }

    /// Creates all of the topics or none, durably. Each gets a new id, even if one was requested.
    /// - Parameter validateOnly: only checks whether the topics could be created.
    package func create(_ topics: [TopicMetadata], validateOnly: Bool = false) throws(BrokerError) {
        try state.withLock { state throws(BrokerError) in
            if state.isClosed { throw .closed }
            let topics = topics.map { $0.with(TopicID.random(using: &state.randomness)) }
            var made: [(String, [BrokerPartition<Files>])] = []
            for topic in topics {
                if let objection = TopicName.objection(to: topic.name) {
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
                try checkRoom(
                    for: topic.name, topics: made.count, partitions: made.reduce(0) { $0 + $1.1.count }, state)
            }
            if validateOnly { return }
            do throws(LogError) {
                for topic in topics { try moveAside(topic, &state) }
                try state.catalog.change(adding: topics)
                // They exist from here on, even if there is no room for their directories.
                for (name, partitions) in made { state.partitions[name] = partitions }
                let opened = DataDirectory(
                    files: files, path: directory, logger: logger, randomness: state.randomness)
                for topic in topics { try opened.makeLastDirectory(of: topic) }
            } catch {
                throw .storage(error)
            }
        }
    }

    /// Adds partitions to a topic until it has `count`, durably. A key's next records may go to another partition than
    /// those before.
    /// - Parameter validateOnly: only checks whether the partitions could be added.
    /// - Throws: `BrokerError.invalidPartitions`, unless `count` is more than there are.
    package func addPartitions(to name: String, count: Int32, validateOnly: Bool = false) throws(BrokerError) {
        try state.withLock { state throws(BrokerError) in
            let (topic, partitions) = try changeable(name, state)
            let old = topic.partitionCount
            guard count > old else {
                throw .invalidPartitions(
                    topic: name,
                    reason: "The topic \(name) currently has \(old) partition(s); \(count) would not be an increase.")
            }
            if let objection = TopicCatalog<Files>.objection(toPartitionCount: count) {
                throw .invalidPartitions(topic: name, reason: objection)
            }
            try checkRoom(for: name, topics: 0, partitions: Int(count - old), state)
            if validateOnly { return }
            let grown = topic.with(partitionCount: count)
            do throws(LogError) {
                let added = try makePartitions(of: grown, from: old, isNew: true)
                try moveAside(grown, from: old, &state)
                try state.catalog.change(adding: [grown])
                state.partitions[name] = partitions + added
                try DataDirectory(files: files, path: directory, logger: logger, randomness: state.randomness)
                    .makeLastDirectory(of: grown)
            } catch {
                throw .storage(error)
            }
        }
    }

    /// A topic that clients may change.
    private func changeable(
        _ name: String, _ state: borrowing State
    ) throws(BrokerError) -> (TopicMetadata, [BrokerPartition<Files>]) {
        if state.isClosed { throw .closed }
        guard let topic = state.catalog.topics[name], let partitions = state.partitions[name] else {
            throw .unknownTopic(name)
        }
        if Self.isInternal(name) { throw .internalTopic(name) }
        return (topic, partitions)
    }

    /// Changes settings of a topic, durably; they take effect at once. nil resets a setting to its default.
    /// - Throws: `BrokerError.invalidSettings`; nothing has changed then.
    package func configure(_ name: String, _ changes: [String: String?]) throws(BrokerError) {
        try configure(name) { settings throws(BrokerError) in
            for (key, value) in changes { settings[key] = value }
        }
    }

    /// As above, by a change of the settings that the topic was given.
    func configure(
        _ name: String, validateOnly: Bool = false, _ change: (inout [String: String]) throws(BrokerError) -> Void
    ) throws(BrokerError) {
        try state.withLock { state throws(BrokerError) in
            let (topic, partitions) = try changeable(name, state)
            var changed = topic.configuration
            try change(&changed)
            let settings: LogConfiguration
            do throws(LogError) {
                settings = try LogConfiguration(changed)
            } catch {
                throw .invalidSettings(topic: name, reason: error.description)
            }
            if validateOnly { return }
            do throws(LogError) {
                try state.catalog.change(adding: [topic.with(changed)])
            } catch {
                throw .storage(error)
            }
            for partition in partitions { partition.configure(settings) }
        }
    }

    /// Deletes a topic with its records, and all groups' offsets in it.
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

    /// Renames existing directories with the names of a new topic's partitions: it is unknown whose records they hold,
    /// so they are kept.
    private func moveAside(
        _ topic: TopicMetadata, from first: Int32 = 0, _ state: inout State
    ) throws(LogError) {
        let partitions = (first..<topic.partitionCount).map { TopicPartition(topic.name, $0) }
        try groupCommit.forget(partitions)
        var isMoved = false
        for partition in partitions where files.exists("\(directory)/\(partition)") {
            let name = PartitionDirectory.name(for: partition, PartitionDirectory.stray, &state.randomness)
            try files.rename("\(directory)/\(partition)", to: "\(directory)/\(name)")
            isMoved = true
            logger.warning(
                "a directory that belonged to no known topic was moved aside, because a topic of its name is being created",
                metadata: ["directory": "\(directory)/\(partition)", "now": "\(directory)/\(name)"])
        }
        if isMoved { try files.syncDirectory(directory) }
    }

    /// Removes the directories of partitions that are no longer in the file of topics. They are renamed first, so that
    /// a crash in the middle leaves nothing that could be taken for a topic's records.
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

    /// Looks a partition up, to append to it and read from it.
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
    /// - Throws: `BrokerError.storage(.offline)` if a sync has failed, now or earlier.
    package func flush() throws(BrokerError) {
        do throws(LogError) {
            if durability == .sync { try groupCommit.sync() } else { try groupCommit.checkOnline() }
        } catch {
            throw .storage(error)
        }
    }

    /// Like `flush`, for callers that must not block: calls back, before this returns if nothing is promised.
    func afterFlush(_ completion: @escaping @Sendable (Result<Void, BrokerError>) -> Void) {
        guard durability == .sync else {
            do throws(BrokerError) {
                return completion(.success(try flush()))
            } catch {
                return completion(.failure(error))
            }
        }
        groupCommit.afterSync { failure in completion(failure.map { .failure(.storage($0)) } ?? .success(())) }
    }

    /// Makes everything durable, whatever `durability` says: for the thread that implements `.interval`.
    package func syncNow() throws(BrokerError) {
        do throws(LogError) { try groupCommit.sync() } catch { throw .storage(error) }
    }

    /// Deletes expired segments in all partitions.
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

    /// Calls `body` for every partition, even if it fails for some.
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

    /// Compacts the partitions that are worth it, one after the other. A partition whose compaction fails is left as it
    /// is.
    /// - Throws: the first failure, after all were tried.
    package func compact() throws(BrokerError) {
        // A decision that a newer one replaces is needed until its markers are durable.
        try syncNow()
        try forEachPartition { partition throws(BrokerError) in _ = try partition.compact() }
    }

    /// Makes everything durable and releases the directory. Every later call throws `.closed`; a second `close` is a
    /// no-op.
    package func close() throws(BrokerError) {
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isFirst else { return }
        defer { state.withLock { $0.lock = nil } }
        do throws(LogError) {
            try groupCommit.sync()
            // A closed partition adds nothing more to the journal.
            try groupCommit.closeJournal()
            try writeCheckpoints()
            for partition in allPartitions() { try partition.close() }
            try DataDirectory.writeCleanMarker(files, in: directory)
        } catch {
            // Waiting callers must get an error, not success.
            groupCommit.goOffline(error)
            throw .storage(error)
        }
    }

    /// Records the addresses on which clients find this broker in the file `listening` of the data directory, an
    /// address a line; none removes the file. After a crash the file may be stale: readers try the address.
    package func note(listening addresses: [String]) throws(BrokerError) {
        let path = "\(directory)/listening"
        do throws(LogError) {
            if addresses.isEmpty { return try files.removeFile(path) }
            let text = addresses.map { $0 + "\n" }.joined()
            try files.replace(path, with: Array(text.utf8), in: directory, sync: false)
        } catch {
            throw .storage(error)
        }
    }

    // MARK: For Kafka's programs

    /// The first offsets of all partitions; for unused ones, those that were known when the broker was opened.
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
