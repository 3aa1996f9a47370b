import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology

/// Runs a sub-topology on one partition of its input topics: has its queues, nodes and stores.
///
/// Everything is synchronous and on the thread that owns the task. A record is processed by the whole sub-topology
/// before the next one is taken. The steps of a commit are those of `TaskCommit`, which calls them in order.
package final class StreamTask {
    package let id: TaskID
    package let context: TaskContext
    package let stores: TaskStores
    private let globalStores: [any StateStore]
    /// Whether the task has its positions, and takes records.
    package private(set) var hasBegun = false
    @exclusivity(unchecked) package private(set) var processedCount: Int64 = 0

    /// Behind a pointer: each change of a class's own variable costs an exclusivity check.
    private let group: UnsafeMutablePointer<PartitionGroup>
    private let outbox: Outbox
    private let nodeContexts: [NodeContext]
    /// Whether some nodes forward results later than their records.
    package let defersWork: Bool
    /// The positions of the last commit.
    private var committedOffsets: [TopicPartition: Offset] = [:]
    private var pendingOffsets: [TopicPartition: Offset] = [:]

    /// Opens the stores and makes the nodes. Restore the stores and call `begin` before adding records.
    /// - Throws: `StateError`, `TopologyError`, `ClusterError.unknownTopic` for sinks and changelogs; what was already
    ///   opened is closed.
    package convenience init(
        _ id: TaskID, _ subtopology: Subtopology, environment: StoreEnvironment, services: ThreadServices,
        now: RoundTime
    ) throws {
        try self.init(
            id, subtopology,
            stores: TaskStores(id, subtopology, environment: environment, services: services, now: now),
            services: services, now: now)
    }

    /// Makes the nodes on top of open stores, which belong to the task from here on.
    /// - Throws: `TopologyError`, `ClusterError.unknownTopic` for sinks; the stores are closed then.
    init(
        _ id: TaskID, _ subtopology: Subtopology, stores opened: TaskStores, services: ThreadServices,
        now: RoundTime
    ) throws {
        self.id = id
        outbox = services.outbox
        globalStores = services.globalStores
        context = TaskContext(
            applicationID: services.names.applicationID, taskID: id, outbox: services.outbox, now: now,
            tracing: services.configuration.tracing, onFailure: services.configuration.onProcessingFailure)
        context.wake = services.wake
        context.dropSamples = services.configuration.dropSamples
        context.topicName = services.names.topic
        context.asyncExecutor = services.configuration.asyncExecutor
        context.closedWindowSearchInterval = services.configuration.closedWindowSearchInterval
        for store in services.globalStores { context.add(store) }
        for entry in opened.entries { context.add(entry.store) }
        stores = opened
        do {
            let wiring = try TaskWiring(
                subtopology, context: context, globalStores: services.globalStores.map(\.name))
            nodeContexts = wiring.contexts
            defersWork = !context.deferredWork.isEmpty
            let queues = try wiring.queues(partition: id.partition, services: services)
            group = .allocate(capacity: 1)
            group.initialize(to: PartitionGroup(queues, idling: services.configuration.taskIdling))
        } catch {
            // The first error is the one that says what is wrong.
            try? context.closeNodes()
            try? opened.close()
            throw error
        }
    }

    deinit {
        group.deinitialize(count: 1)
        group.deallocate()
    }

    package var queues: [PartitionQueue] { group.pointee.queues }
    package var partitions: [TopicPartition] { group.pointee.queues.map(\.partition) }
    package var hasRecords: Bool { !group.pointee.isEmpty }
    /// The task's progress, for those that keep in step with it: see `PaceBoard`.
    var low: Int64 { group.pointee.low }
    /// The partitions that the task waits for: their queues are empty, and the cluster is known to hold more.
    package var awaited: [TopicPartition] { group.pointee.awaited }

    /// Which partitions block the records of others, and until when: see `PartitionGroup.blocking`.
    func blocking(now: Duration) -> [(partition: TopicPartition, until: Duration?)] {
        group.pointee.blocking(now: now)
    }
    /// Whether records were processed since the last commit.
    package var hasUncommitted: Bool {
        processedCount > 0 && queues.contains { $0.position != nil && $0.position != committedOffsets[$0.partition] }
    }
    /// How many records each node has passed on: see `NodeContext.counts`. Nodes that do not count are missing.
    var passed: [(node: String, counts: [(child: String?, count: PassedCount)])] {
        nodeContexts.filter { !$0.counts.isEmpty }.map { ($0.node, $0.counts) }
    }

    /// Sets the start position of each partition. Must be called before the first `add`.
    package func begin(at positions: [TopicPartition: TaskPosition]) {
        hasBegun = true
        for queue in group.pointee.queues {
            guard let position = positions[queue.partition] else { continue }
            queue.begin(at: position.offset, end: position.end, partitionTime: position.partitionTime)
            if position.isCommitted { committedOffsets[queue.partition] = position.offset }
            context.processorTimes.merge(position.processorTimes, uniquingKeysWith: max)
        }
        // Stream time continues from the committed partition times.
        for queue in group.pointee.queues { context.took(queue.partitionTime) }
    }

    /// - Precondition: the partition belongs to the task.
    package func add(_ batches: FetchedBatches, now: RoundTime) throws {
        context.time = now
        try group.pointee.add(batches)
    }

    /// The number of buffered bytes of a partition.
    package func bufferedBytes(of partition: TopicPartition) -> Int {
        group.pointee.queue(of: partition)?.bufferedBytes ?? 0
    }

    /// Processes one record to the end.
    /// - Returns: false if there is none, or if it must wait for another partition or for deferred work.
    package func processNext(now: RoundTime) throws -> Bool { try process(upTo: 1, now: now) == 1 }

    /// Processes records, each to the end, one after the other.
    /// - Parameter bound: the time of the last record to take.
    /// - Returns: how many were processed: fewer than `limit` if there are no more, or if one must wait for another
    ///   partition or for deferred work.
    package func process(
        upTo limit: Int, until bound: Timestamp = Timestamp(ms: .max), now: RoundTime
    ) throws -> Int {
        context.time = now
        defer {
            context.originOffset = nil
            outbox.processing = nil
        }
        var (count, last) = (0, Unmanaged<PartitionQueue>?.none)
        let traces = context.traces
        while count < limit {
            if defersWork, context.isFull { break }
            guard group.pointee.isReady(now: now.uptime), group.pointee.headTime <= bound,
                let queue = group.pointee.take(), let offset = queue.headOffset
            else {
                break
            }
            context.took(queue.headTime)
            if last?.toOpaque() != Unmanaged.passUnretained(queue).toOpaque() {
                last = .passUnretained(queue)
                context.originPartition = queue.partition
                outbox.processing = queue
            }
            context.originOffset = offset
            let before = queue.processedCount
            defer { processedCount += Int64(queue.processedCount - before) }
            // No other queue has a record, and none gets one meanwhile, so this queue's records need not be compared
            // with theirs.
            var run = group.pointee.hasOthers || defersWork ? 1 : limit - count
            if let traces { run = min(run, traces.allowance) }
            try queue.process(upTo: run, until: bound)
            group.pointee.putBack(queue)
            count += queue.processedCount - before
            traces?.took(queue.processedCount - before)
        }
        return count
    }

    /// Runs the punctuations that are due by stream time: the time of the last record whose results have all gone
    /// downstream, so that no record is processed after a punctuation that is later than it.
    package func punctuateStreamTime(now: RoundTime) throws {
        let time = context.settledStreamTime
        guard time != .none else { return }
        try context.at(streamTime: time) { try punctuate(.streamTime, at: time, now: now) }
    }

    /// Runs the punctuations that are due by the wall clock.
    package func punctuateWallClock(now: RoundTime) throws { try punctuate(.wallClock, at: now.wall, now: now) }

    private func punctuate(_ clock: PunctuationClock, at time: Timestamp, now: RoundTime) throws {
        context.time = now
        for schedule in context.schedules where schedule.clock == clock {
            _ = try schedule.fireIfDue(at: time, uptime: now.uptime)
        }
        context.removeCancelledSchedules()
    }

    /// Resumes deferred work.
    /// - Returns: how many records got their results.
    package func resume(now: RoundTime) throws -> Int {
        context.time = now
        return defersWork ? try context.resumeDeferredWork() : 0
    }

    /// Forwards held changes, which may defer work downstream.
    /// - Returns: whether all results have gone downstream: then the task may be committed.
    func settle(now: RoundTime) throws -> Bool {
        guard defersWork else { return true }
        context.time = now
        guard context.deferredCount == 0 else { return false }
        try context.flushHeldChanges()
        return context.deferredCount == 0
    }

    /// Makes the thread commit at the end of its round.
    func requestCommit() { context.commitRequested = true }

    /// Whether a store is short of memory, or a processor requested a commit.
    package var wantsCommit: Bool { context.commitRequested || stores.entries.contains { $0.store.needsCommit } }

    /// - Throws: the error of a store's read, which user code may have caught: results based on it would be wrong.
    func checkStores() throws {
        for store in globalStores { if let failure = store.failure { throw failure } }
        for entry in stores.entries { if let failure = entry.store.failure { throw failure } }
    }

    /// Forwards held changes.
    func prepareCommit(now: RoundTime) throws {
        context.time = now
        context.commitRequested = false
        try context.flushHeldChanges()
    }

    /// Appends each store's changes to its changelog, through the outbox.
    func sendChanges() throws {
        for entry in stores.entries {
            let (partition, time) = (id.partition, max(context.streamTime, Timestamp(ms: 0)))
            try entry.store.resumeRewriting()
            guard let batches = entry.batches else {
                try entry.store.drainChanges { _, _, _ in }
                continue
            }
            if let store = entry.store as? any HeaderKeepingStore {
                try store.drainChanges { key, value, timestamp, headers in
                    try outbox.send(
                        batches, partition: partition, key: key, value: value, timestamp: timestamp ?? time,
                        headers: headers)
                }
                continue
            }
            try entry.store.drainChanges { key, value, timestamp in
                try outbox.send(
                    batches, partition: partition, key: key, value: value, timestamp: timestamp ?? time,
                    headers: Headers())
            }
        }
    }

    /// The positions that have changed since the last commit.
    /// - Parameter all: also those that have not changed.
    package func offsetsToCommit(all: Bool = false) -> [TopicPartition: CommittedOffset] {
        var offsets: [TopicPartition: CommittedOffset] = [:]
        pendingOffsets = committedOffsets
        for queue in group.pointee.queues {
            guard let position = queue.position, all || position != committedOffsets[queue.partition] else { continue }
            pendingOffsets[queue.partition] = position
            let metadata = CommitMetadata(
                partitionTime: queue.partitionTime, processorTimes: context.processorTimes)
            offsets[queue.partition] = CommittedOffset(position, metadata: metadata.encoded)
        }
        return offsets
    }

    /// For each input partition, the first offset that is not in what a query sees.
    func position(_ view: StoreView) -> [TopicPartition: Offset] {
        // Records with outstanding results were taken, but their results are not in the stores yet.
        if view == .committed || context.deferredCount > 0 { return committedOffsets }
        return group.pointee.queues.reduce(into: [:]) { $0[$1.partition] = $1.position }
    }

    /// Called after the offsets and the changelogs are durable: stores may now write their changes to their files.
    /// - Parameter acknowledgedEnd: how far this thread wrote a changelog partition.
    func committed(_ acknowledgedEnd: (TopicPartition) -> Offset?, writeBehind force: Bool = false) throws {
        committedOffsets = pendingOffsets
        for entry in stores.entries {
            let changelog = entry.source == nil ? entry.changelog : nil
            entry.store.committed(changelogEnd: changelog.flatMap(acknowledgedEnd), positions: committedOffsets)
        }
        // After all of them: if there is no space for one store, queries still find every store at the same position.
        for entry in stores.entries { try entry.store.writeBehind(force: force) }
    }

    /// Closes all nodes and stores, even if one throws. Stores keep what was committed and discard the rest.
    /// - Throws: the first error.
    package func close() throws {
        var first: (any Error)?
        do { try context.closeNodes() } catch { first = error }
        do { try stores.close() } catch { first = first ?? error }
        if let first { throw first }
    }
}
