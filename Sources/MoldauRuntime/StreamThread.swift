// One round of a stream thread, and what it owns. Nothing here makes a thread or reads a clock: `StreamThreadLoop`
// does, or a simulator, or a test.
//
//     opened ──▸ restoring ──▸ running ──▸ closed
//
// Restoring: global tables are read to their ends, and stores to the ends of their changelogs; one poll of each per
// round. Running: poll, hand batches to tasks, process in turns, punctuate, commit when it is time.
//
// A task with asynchronous operators may have records whose results are still to come. From the time when a commit is
// due such a task takes no further records, while the others go on; as soon as all results have gone downstream, the
// thread commits. So positions, stores and output always belong together. The wait is as long as the operators'
// timeouts allow.

import Logging
import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// What a stream thread runs, and with what. The same for each thread of an application but for the number and the
/// tasks.
package struct StreamThreadPlan: Sendable {
    package var number: Int
    package var tasks: [TaskID]
    package var topology: Topology
    package var names: InternalTopicNames
    package var configuration: StreamsConfiguration
    package var partitionCounts: [String: Int32]
    package var cluster: any Cluster
    package var memory: StateMemory
    /// Where a task's stores keep their bytes, by the name of its directory.
    package var environment: @Sendable (String) -> StoreEnvironment
    /// Of the one thread that looks for topics; nil for the others.
    package var watch: TopicWatch?

    /// - Parameter stateDirectory: one directory per task lies in it; nil: everything in memory.
    package init(
        number: Int, tasks: [TaskID], topology: Topology, names: InternalTopicNames,
        configuration: StreamsConfiguration,
        partitionCounts: [String: Int32], cluster: any Cluster, memory: StateMemory, stateDirectory: String?
    ) {
        (self.number, self.tasks, self.topology, self.names) = (number, tasks, topology, names)
        (self.configuration, self.partitionCounts, self.cluster) = (configuration, partitionCounts, cluster)
        self.memory = memory
        environment = { name in
            guard let stateDirectory else { return StoreEnvironment(inMemory: memory, name: name) }
            return StoreEnvironment(
                directory: "\(stateDirectory)/\(name)", memory: memory, rocksDB: configuration.rocksDB)
        }
    }

    var clientID: String { "\(names.applicationID)-StreamThread-\(number)" }

    /// With exactly-once, first of all ends what an earlier run left open.
    func makeProducer() throws -> any Producer {
        let clientID = clientID + "-producer"
        switch configuration.guarantee {
        case .atLeastOnce: return try cluster.makeProducer(clientID: clientID)
        case .exactlyOnce:
            return try cluster.makeTransactionalProducer(
                id: "\(names.applicationID)-\(number)", timeout: configuration.transactionTimeout, clientID: clientID)
        }
    }
}

/// The tasks of one thread with their consumer, producer, outbox and global tables: plain, synchronous, used by one
/// thread.
package final class StreamThread {
    package enum Phase: Sendable, Equatable {
        case restoring
        case running
        case closed
    }

    package internal(set) var phase = Phase.restoring
    package let tasks: [StreamTask]
    package let globalTables: GlobalTables

    let plan: StreamThreadPlan
    let consumer: any Consumer
    let restoreConsumer: any Consumer
    let producer: any Producer
    let admin: any Admin
    let outbox: Outbox
    private let restorer: StoreRestorer
    let owners: [TopicPartition: StreamTask]
    private var heldBack: Set<TopicPartition> = []
    /// Whether the last round ended before the records did.
    private var hasMore = false
    /// Whether a commit is due and waits for deferred work.
    var isCommitAwaited = false
    private var lastSearch: Timestamp
    /// The cluster has no room for what was done: no more is done until it has.
    var isHeld = false
    var lastCommit: Timestamp
    var lastPurge: Timestamp
    var lastWriteBehind: Timestamp
    var commitCount: Int64 = 0

    /// Opens clients, stores and nodes. Blocks. What was opened is closed when it throws.
    package init(_ plan: StreamThreadPlan, now: Timestamp) throws {
        self.plan = plan
        (lastCommit, lastPurge, lastWriteBehind, lastSearch) = (now, now, now, now)
        consumer = try plan.cluster.makeConsumer(clientID: plan.clientID + "-consumer")
        consumer.group = plan.names.applicationID
        // A commit makes durable what was read before it tells of it.
        consumer.readsAhead = true
        restoreConsumer = try plan.cluster.makeConsumer(clientID: plan.clientID + "-restore-consumer")
        producer = try plan.makeProducer()
        // The same commit decides what its tasks write and what other tasks of it have made of that.
        let stamp = producer.stamp(for: TopicPartition(plan.names.applicationID, 0))  // Its id is that of all partitions.
        if stamp.isTransactional { consumer.readsTransactionsOf = stamp.id }
        admin = try plan.cluster.makeAdmin(clientID: plan.clientID + "-admin")
        outbox = Outbox(names: plan.names, producer: producer, configuration: plan.configuration)
        globalTables = try Self.openGlobalTables(plan, outbox, now)
        tasks = try Self.openTasks(plan, outbox, globalTables, wakeup: consumer.wakeup, now)
        let stores = tasks.flatMap(\.stores)
        do {
            let sources = Set(stores.compactMap { $0.source?.partition })
            restorer = try StoreRestorer(
                stores, committed: sources.isEmpty ? [:] : try consumer.committed(sources), consumer: restoreConsumer,
                now: now, logger: plan.configuration.logger, report: plan.configuration.onRestore)
        } catch {
            for task in tasks { try? task.close() }
            try? globalTables.close()
            throw error
        }
        owners = tasks.reduce(into: [:]) { owners, task in
            for partition in task.partitions { owners[partition] = task }
        }
        try beginGlobalTables()
    }

    private static func openGlobalTables(
        _ plan: StreamThreadPlan, _ outbox: Outbox, _ now: Timestamp
    ) throws -> GlobalTables {
        try GlobalTables(
            plan.topology.globalTables,
            partitionCount: { topic in
                guard let count = plan.partitionCounts[topic] else { throw ClusterError.unknownTopic(topic) }
                return count
            }, environment: plan.environment("global_\(plan.number)"),
            surroundings: TaskSurroundings(names: plan.names, configuration: plan.configuration, outbox: outbox),
            now: now)
    }

    private static func openTasks(
        _ plan: StreamThreadPlan, _ outbox: Outbox, _ globalTables: GlobalTables, wakeup: Wakeup, _ now: Timestamp
    ) throws -> [StreamTask] {
        let parts = Dictionary(uniqueKeysWithValues: plan.topology.subtopologies.map { ($0.number, $0) })
        let surroundings = TaskSurroundings(
            names: plan.names, configuration: plan.configuration, outbox: outbox, globalStores: globalTables.stores,
            partitionCounts: plan.partitionCounts, wake: { wakeup.signal() })
        var opened: [StreamTask] = []
        do {
            for id in plan.tasks {
                guard let part = parts[id.subtopology] else { continue }
                opened.append(
                    try StreamTask(
                        id, part, environment: plan.environment(id.description), surroundings: surroundings, now: now))
            }
        } catch {
            for task in opened { try? task.close() }
            try? globalTables.close()
            throw error
        }
        return opened
    }

    /// Ends a waiting round, from any thread.
    package var wakeup: Wakeup { consumer.wakeup }

    // MARK: A round

    /// Does what there is to do, once. Blocks for at most `wait` when there is nothing.
    /// - Parameter isPaused: nothing is processed and nobody called back; what is done already is still committed.
    /// - Returns: how many records were processed, or had results that came later.
    @discardableResult
    package func runOnce(now: Timestamp, isPaused: Bool = false, wait: Duration = .milliseconds(100)) throws -> Int {
        switch phase {
        case .closed: preconditionFailure("a closed stream thread runs no more")
        case .restoring:
            try restore(now: now, wait: wait)
            return 0
        case .running:
            if isHeld {
                try fetch(now: now, wait: wait)
                try commit(now: now)
                return 0
            }
            try fetch(now: now, wait: hasMore && !isPaused ? .zero : wait)
            var count = try goOn(now: now)
            if !isPaused { count += try work(now: now) }
            if count == 0 { try outbox.sendAll() }
            if outbox.isHeld { hold(outbox.heldError) } else { try commitIfDue(now: now) }
            return count
        }
    }

    func hold(_ error: ClusterError) {
        if !isHeld { plan.configuration.logger.warning("\(error); nothing more is processed until there is room") }
        isHeld = true
    }

    private func fetch(now: Timestamp, wait: Duration) throws {
        let fetched: [FetchedBatches]
        do {
            fetched = try consumer.poll(wait: wait)
        } catch ClusterError.offsetOutOfRange(let partition, let lost, let held) {
            return try beginAgain(partition, lost: lost, held: held, now: now)
        }
        for batches in fetched {
            if try globalTables.apply(batches, now: now) { continue }
            guard let task = owners[batches.partition] else { continue }
            try task.add(batches, now: now)
            if task.bufferedBytes(of: batches.partition) > plan.configuration.bufferedBytesPerPartition {
                heldBack.insert(batches.partition)
                consumer.pause([batches.partition])
            }
        }
    }

    /// Retention took what was to be read next: the source says where to go on.
    private func beginAgain(
        _ partition: TopicPartition, lost: Offset, held: Range<Offset>, now: Timestamp
    ) throws {
        let finder = startFinder(now)
        let offset = try finder.offset(of: partition, startPositions[partition] ?? .earliest, held: held)
        finder.warn(partition, lost: lost, held: held, next: offset)
        try consumer.seek(partition, to: offset)
    }

    /// Lets deferred work of all tasks go on, paused or not: their records were taken already.
    func goOn(now: Timestamp) throws -> Int { try tasks.reduce(0) { try $0 + $1.goOn(now: now) } }

    /// Every task in turn, at most so many records each.
    private func work(now: Timestamp) throws -> Int {
        var count = 0
        hasMore = false
        for task in tasks where !(isCommitAwaited && task.defersWork) && !outbox.isHeld {
            let processed = try task.process(upTo: plan.configuration.recordsPerTurn, now: now)
            if processed == plan.configuration.recordsPerTurn { hasMore = true }
            count += processed
            try task.punctuateStreamTime(now: now)
            try task.punctuateWallClock(now: now)
        }
        fetchFurther()
        return count
    }

    /// Whether other topics match the topology's patterns than this thread was made with. Looks from time to time; blocks then.
    func topicsHaveChanged(now: Timestamp) throws -> Bool {
        guard let watch = plan.watch, phase == .running, !isHeld else { return false }
        guard now.ms - lastSearch.ms >= plan.configuration.topicSearchInterval.milliseconds else { return false }
        lastSearch = now
        return try watch.hasChanged(admin: admin)
    }

    private func fetchFurther() {
        guard !heldBack.isEmpty else { return }
        let limit = plan.configuration.bufferedBytesPerPartition
        let free = heldBack.filter { owners[$0]?.bufferedBytes(of: $0) ?? 0 <= limit }
        guard !free.isEmpty else { return }
        heldBack.subtract(free)
        consumer.resume(free)
    }

    // MARK: Restore

    private func beginGlobalTables() throws {
        let partitions = Set(globalTables.partitions)
        guard !partitions.isEmpty else { return }
        try consumer.assign(partitions)
        for (partition, held) in try consumer.bounds(of: partitions) {
            let saved = globalTables.savedPosition(of: partition)
            let offset =
                saved.map { held.contains($0) || $0 == held.upperBound ? $0 : held.lowerBound } ?? held.lowerBound
            globalTables.begin(partition, at: offset, end: held.upperBound)
            try consumer.seek(partition, to: offset)
        }
    }

    private func restore(now: Timestamp, wait: Duration) throws {
        if !globalTables.isCaughtUp {
            for batches in try consumer.poll(wait: wait) { _ = try globalTables.apply(batches, now: now) }
        }
        try restorer.step(wait: wait, now: now)
        guard globalTables.isCaughtUp && restorer.isDone else { return }
        let positions = try startFinder(now).find(startPositions)
        try consumer.assign(Set(positions.keys).union(globalTables.partitions))
        for (partition, position) in positions { try consumer.seek(partition, to: position.offset) }
        for task in tasks { task.begin(at: positions) }
        lastCommit = now
        phase = .running
    }

    private func startFinder(_ now: Timestamp) -> StartPositions {
        StartPositions(consumer: consumer, now: now, logger: plan.configuration.logger)
    }

    /// Where each partition of the tasks begins when nothing was committed.
    private var startPositions: [TopicPartition: StartPosition] {
        var starts: [String: StartPosition] = [:]
        for node in plan.topology.nodes {
            guard let source = node.source else { continue }
            for topic in source.topics { starts[plan.names.topic(topic)] = source.start }
        }
        return owners.keys.reduce(into: [:]) { $0[$1] = starts[$1.topic] ?? .earliest }
    }

    /// What happened so far.
    package var report: StreamThreadReport {
        StreamThreadReport(
            processed: tasks.reduce(0) { $0 + $1.processedCount }, commits: commitCount,
            restored: restorer.restoredCount, globalUpdates: globalTables.appliedCount,
            drops: (tasks.map(\.context.drops) + globalTables.drops).reduce(into: outbox.drops) { all, drops in
                all.merge(drops, uniquingKeysWith: +)
            },
            waiting: tasks.reduce(into: [:]) { waiting, task in
                if task.hasRecords, !task.awaited.isEmpty { waiting[task.id] = task.awaited }
            },
            inFlight: tasks.reduce(into: [:]) { inFlight, task in
                let count = task.context.deferredCount
                if count > 0 { inFlight[task.id] = count }
            })
    }
}
