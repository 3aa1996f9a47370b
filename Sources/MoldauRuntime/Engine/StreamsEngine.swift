import Foundation
import Logging
import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

/// Runs a topology on a cluster: checks and creates its topics, assigns its tasks to threads, and maintains the state
/// that users see.
package final class StreamsEngine: Sendable {
    struct Inner {
        var state = StreamsState.created
        /// By thread number.
        var loops: [Int: StreamThreadLoop] = [:]
        /// The numbers of the wanted threads.
        var numbers: Set<Int>
        var placement = TaskPlacement(StickyAssignment.Work(tasks: []))
        /// What every thread runs; nil while topics are being planned.
        var plan: StreamThreadPlan? { didSet { graph = nil } }
        /// The structure of `plan`, made on first use.
        var graph: TopologyGraph?
        var isStopRequested = false
        var isPaused = false
        /// Whether the threads are stopping in order to restart because the topology's patterns match other topics.
        var isReplanning = false
        /// The reports of threads that have ended.
        var finished: [StreamThreadReport] = []
        /// Callers that wait for tasks to be handed over.
        var waiting: [OneAnswer<Void>] = []
        var cluster: (any ClusterPort)?
        /// These two exclude other instances of the application.
        var membership: GroupMembership?
        var group = GroupPlace()
        var stateLock: StateDirectoryLock?
        var failure: (any Error)?
        var memory: StateMemory?
        var startedAt: Timestamp?
        /// How often a thread has failed.
        var failureCount = 0
        /// How often tasks started to move.
        var rebalanceCount = 0
    }

    package let names: InternalTopicNames
    package let topology: Topology
    let configuration: StreamsConfiguration
    let stateDirectory: String?
    private let randomness: @Sendable () -> UInt64
    package let clock: @Sendable () -> RoundTime
    private let openCluster: @Sendable () throws -> any ClusterPort
    let logger: Logger
    let inner: Mutex<Inner>
    let eventLog = EventLog()
    private let end = Latch()
    /// Opens later than `end` if a stop timed out while waiting for the threads.
    private let threadsEnd = Latch()
    let (lagSampler, allLagSampler) = (LagSampler(), LagSampler())
    let changeFeed: ChangeFeed

    /// - Parameters:
    ///   - stateDirectory: for this application alone; nil keeps all state in memory.
    ///   - randomness: for the name of a process that shares the tasks with others.
    ///   - openCluster: called once, by `start`.
    package init(
        applicationID: String, topology: Topology, configuration: StreamsConfiguration, stateDirectory: String?,
        clock: @escaping @Sendable () -> RoundTime,
        randomness: @escaping @Sendable () -> UInt64 = { UInt64.random(in: 0...(.max)) },
        openCluster: @escaping @Sendable () throws -> any ClusterPort
    ) {
        names = InternalTopicNames(applicationID: applicationID, topology: topology)
        changeFeed = ChangeFeed(clientID: "\(applicationID)-changes", logger: configuration.logger)
        self.topology = topology
        self.configuration = configuration.noting(restoresIn: eventLog, clock: clock)
        self.stateDirectory = stateDirectory
        logger = configuration.logger
        self.clock = clock
        self.randomness = randomness
        self.openCluster = openCluster
        inner = Mutex(
            Inner(numbers: Set(1...min(max(1, configuration.streamThreads), StreamsConfiguration.mostThreads))))
    }

    package var state: StreamsState { inner.withLock { $0.state } }

    /// The error that ended the application.
    package var failure: (any Error)? { inner.withLock { $0.failure } }

    /// The use of the state's memory budget; nil before the start.
    package var memoryUsage: StateMemory.Usage? { inner.withLock { $0.memory }?.usage }

    package var metrics: StreamsMetrics {
        let (finished, loops) = inner.withLock { ($0.finished, $0.loops) }
        return (finished + loops.values.flatMap(\.reports)).reduce(into: StreamsMetrics()) { $0.add($1) }
    }

    // MARK: Start and stop

    /// Checks and creates topics, and starts the threads, which restore on their own. Blocks for the topics.
    /// - Throws: `RuntimeError`, `ClusterError`, `TopologyError`; the state is `.error` then.
    package func start() throws {
        guard change(to: .rebalancing) else {
            throw RuntimeError.invalidState(expected: "\(StreamsState.created)", actual: "\(state)")
        }
        for warning in topology.warnings {
            logger.warning("\(warning)", metadata: ["application": "\(names.applicationID)"])
        }
        let now = clock().wall
        inner.withLock { $0.startedAt = now }
        try launch()
    }

    private func launch() throws {
        do {
            let plan = try makePlan()
            let replicas = try plan.furthestReplicas(of: plan.allTasks, in: stateDirectory)
            let onDisk = plan.process == nil ? [:] : try plan.heldOnDisk(in: stateDirectory)
            let (loops, membership) = inner.withLock { inner -> ([StreamThreadLoop], GroupMembership?) in
                // The group may have failed meanwhile, when there was no thread to stop.
                if inner.isStopRequested || inner.failure != nil { return ([], nil) }
                inner.isReplanning = false
                inner.plan = plan
                (inner.group.share, inner.group.isNew, inner.group.onDisk) = (nil, true, onDisk)
                inner.placement = TaskPlacement(
                    StickyAssignment.Work(tasks: [], standbys: configuration.standbys), replicas: replicas)
                inner.placement.join(inner.numbers)
                return (inner.numbers.sorted().map { makeLoop($0, plan, &inner) }, inner.membership)
            }
            if loops.isEmpty { return finish() }
            membership?.rebalance()
            for loop in loops { loop.start() }
        } catch {
            inner.withLock { $0.failure = $0.failure ?? error }
            finish()
            throw error
        }
    }

    /// Creates the topics that are missing. Blocks.
    private func makePlan() throws -> StreamThreadPlan {
        guard !topology.nodes.isEmpty || !topology.globalTables.isEmpty else { throw TopologyError.empty }
        let complaints = configuration.complaints(names: names, topology: topology)
        guard complaints.isEmpty else { throw RuntimeError.invalidSettings(complaints) }
        let cluster = try openedCluster()
        let admin = try cluster.makeAdmin()
        defer { admin.close() }
        let watch = try TopicWatch(topology, names: names, admin: admin)
        let topics = try TopicPlan.prepare(
            watch.matched, names: names, newTopicPartitions: configuration.newTopicPartitions,
            named: configuration.namedTopics,
            settings: InternalTopicSettings(configuration, owner: names.applicationID), admin: admin)
        tell(topics, of: watch.matched, on: cluster)
        let memory = StateMemory(budgetBytes: configuration.stateMemoryBytes)
        inner.withLock { $0.memory = memory }
        var plan = StreamThreadPlan(
            number: 0, tasks: [], topology: watch.matched, names: names, configuration: configuration,
            partitionCounts: topics.partitionCounts, cluster: cluster, memory: memory, stateDirectory: stateDirectory)
        plan.topicIDs = topics.topicIDs
        plan.allTasks = topics.tasks
        plan.stores = watch.matched.storePlacements(topics.tasks, names)
        plan.process = inner.withLock { $0.group.process }
        if watch.isNeeded { plan.watch = watch }
        plan.stopwatch = { [clock] in clock().uptime }
        plan.paceBoard.expectAll()
        return plan
    }

    private func tell(_ plan: TopicPlan, of topology: Topology, on cluster: any ClusterPort) {
        let report = StartReport(
            plan, of: topology, named: configuration.namedTopics, names: names,
            threads: inner.withLock { $0.numbers.count }, place: "\(cluster)", stateDirectory: stateDirectory)
        for sentence in report.sentences { logger.info("\(sentence)") }
        for warning in plan.warnings {
            logger.warning("\(warning)", metadata: ["application": "\(names.applicationID)"])
        }
    }

    private func openedCluster() throws -> any ClusterPort {
        if let cluster = inner.withLock({ $0.cluster }) { return cluster }
        let cluster = try openCluster()
        let membership = try cluster.join(group: names.applicationID, GroupLink(self))
        let stateLock = try stateDirectory.map { try StateDirectoryLock($0) }
        let process = membership.isShared ? try ProcessName.find(in: stateDirectory, randomness) : nil
        inner.withLock { inner in
            (inner.cluster, inner.membership, inner.stateLock) = (cluster, membership, stateLock)
            inner.group.process = process
        }
        return cluster
    }

    /// Makes a thread that is not started yet.
    func makeLoop(_ number: Int, _ plan: StreamThreadPlan, _ inner: inout Inner) -> StreamThreadLoop {
        var plan = plan
        plan.number = number
        if number != inner.numbers.min() { plan.watch = nil }
        let loop = StreamThreadLoop(plan, clock: clock, listener: listener)
        loop.setPaused(inner.isPaused)
        loop.grant(inner.placement.granted(number))
        inner.loops[number] = loop
        return loop
    }

    /// Makes the threads commit, close and end. Does not wait: `ended` and `waitUntilEnded` do. May be called at any
    /// time, from any thread.
    package func stop() {
        let (loops, wasCreated) = inner.withLock { inner in
            inner.isStopRequested = true
            return (Array(inner.loops.values), inner.state == .created)
        }
        if wasCreated { return finish() }
        shutDown(loops)
    }

    /// Makes the threads commit, close and end, or stops waiting for them after `stopTimeout`. Does not wait.
    func shutDown(_ loops: [StreamThreadLoop]) {
        let isFirst = change(to: .pendingShutdown)
        for loop in loops { loop.stop() }
        guard isFirst else { return }
        Thread { [self] in if !end.waitBlocking(atMost: configuration.ownStopTimeout) { endWithoutThreads() } }.start()
    }

    /// Reports the application as ended although threads have not ended; what they hold is released when they do.
    private func endWithoutThreads() {
        let error = inner.withLock { inner -> RuntimeError? in
            guard !inner.loops.isEmpty else { return nil }
            let error = RuntimeError.stopTimedOut(
                after: configuration.ownStopTimeout, threads: inner.loops.keys.sorted().map(names.thread))
            inner.failure = inner.failure ?? error
            return error
        }
        if let error { logger.error("\(error)", metadata: ["application": "\(names.applicationID)"]) }
        conclude()
        // This waits for the feed's thread, which the cluster may block as well.
        changeFeed.stop()
        if threadsEnd.waitBlocking(atMost: configuration.heldThreadPatience) { return }
        inner.withLock { inner in inner.membership?.isShared == true ? inner.membership : nil }?.leave()
    }

    /// Stops processing and punctuations until `resume`. Work that is done is still committed.
    package func pause() { setPaused(true) }
    /// Resumes processing after `pause`.
    package func resume() { setPaused(false) }

    private func setPaused(_ isPaused: Bool) {
        let loops = inner.withLock { inner in
            inner.isPaused = isPaused
            return Array(inner.loops.values)
        }
        for loop in loops { loop.setPaused(isPaused) }
    }

    /// Returns when every thread has ended. Does not block a thread.
    package func ended() async { await end.wait() }

    /// Blocks until every thread has ended: not for use on Swift's cooperative pool.
    package func waitUntilEnded() { end.waitBlocking() }

    // MARK: Callbacks of threads

    private var listener: StreamThreadLoop.Listener {
        StreamThreadLoop.Listener(
            progressed: { [self] number, held, followed, status in
                place { $0.update(number, holds: held, followed: followed, status: status) }
            }, failed: { [self] in threadFailed($0, $1, $2) },
            restarted: { [self] number in
                note(.thread, "\(names.thread(number)) restarts after a failure")
                place { $0.restarted(number) }
            }, committed: { [self] in eventLog.noteCommits($0, at: clock().wall) },
            topicsChanged: { [self] in replan(because: $0) },
            ended: { [self] in threadEnded($0, $1) })
    }

    private func threadFailed(_ number: Int, _ error: any Error, _ pause: Duration) -> UncaughtErrorResponse {
        place { $0.stopped(number) }
        inner.withLock { $0.failureCount += 1 }
        let response = configuration.onUncaughtError(error)
        var next = ""
        if case .replaceThread = response, !error.isForGood { next = "; another one takes over in \(pause)" }
        logger.error("a stream thread stopped: \(error)\(next)", metadata: ["application": "\(names.applicationID)"])
        note(.failure, "\(names.thread(number)) stopped: \(error)\(next)")
        return response
    }

    /// Makes all threads commit and end; the last one starts new threads, which read the topics that exist then.
    private func replan(because reason: String) {
        guard !inner.withLock({ $0.isStopRequested }) else { return }
        logger.info("\(reason); stream threads restart", metadata: ["application": "\(names.applicationID)"])
        note(.rebalance, "\(reason); the threads restart")
        _ = change(to: .rebalancing)
        let loops = inner.withLock { inner in
            inner.isReplanning = true
            return Array(inner.loops.values)
        }
        for loop in loops { loop.stop() }
    }

    private func threadEnded(_ number: Int, _ error: (any Error)?) {
        let (others, restarts) = inner.withLock { inner in
            inner.finished += inner.loops.removeValue(forKey: number)?.reports.map(\.afterEnd) ?? []
            inner.failure = inner.failure ?? error
            return (
                Array(inner.loops.values), inner.isReplanning && inner.failure == nil && !inner.isStopRequested
            )
        }
        if others.isEmpty {
            // If it fails, the failure is kept and ends the application.
            if restarts { return (try? launch()) ?? () }
            return finish()
        }
        if error == nil { return place { $0.left(number) } }
        shutDown(others)
    }

    private func finish() {
        changeFeed.stop()
        conclude()
        threadsEnd.open()
    }

    /// Notifies all waiters that the application has ended.
    private func conclude() {
        _ = change(to: failure == nil ? .notRunning : .error)
        let (waiting, membership) = inner.withLock { inner -> ([OneAnswer<Void>], GroupMembership?) in
            defer { inner.waiting = [] }
            // A blocked thread may still commit, as a member.
            guard inner.loops.isEmpty else { return (inner.waiting, nil) }
            defer { (inner.membership, inner.stateLock) = (nil, nil) }
            return (inner.waiting, inner.membership)
        }
        membership?.leave()
        end.open()
        for waiter in waiting { waiter.give(.success(())) }
    }

    /// - Returns: whether the change is allowed.
    func change(to next: StreamsState) -> Bool {
        let old = inner.withLock { $0.change(to: next) }
        guard let old else { return false }
        tell(old, next)
        return true
    }

    func note(_ kind: ApplicationEvent.Kind, _ text: String) { eventLog.note(kind, text, at: clock().wall) }

    /// Logs a change of state, and calls `onStateChange`.
    func tell(_ old: StreamsState, _ next: StreamsState) {
        logger.info("\(names.applicationID) is \(next)", metadata: ["was": "\(old)"])
        note(.state, "the application is \(next); it was \(old)")
        configuration.onStateChange(old, next)
    }
}

extension StreamsEngine.Inner {
    /// - Returns: the state before; nil if the change is not allowed.
    mutating func change(to next: StreamsState) -> StreamsState? {
        guard state.mayBecome(next) else { return nil }
        defer { state = next }
        if next == .rebalancing { rebalanceCount += 1 }
        return state
    }
}
