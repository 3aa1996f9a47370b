import Logging
import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

/// Runs a topology on a cluster: checks and makes its topics, spreads its tasks over threads, and keeps the state that
/// users see.
package final class StreamsEngine: Sendable {
    private struct Inner {
        var state = StreamsState.created
        var loops: [StreamThreadLoop] = []
        var running: Set<Int> = []
        var ended: Set<Int> = []
        var isStopRequested = false
        var isPaused = false
        /// Whether the threads end to begin anew, because the patterns of the topology match other topics.
        var isReplanning = false
        /// What threads did that ended so.
        var finished: [StreamThreadReport] = []
        var cluster: (any Cluster)?
        var failure: (any Error)?
        var memory: StateMemory?
    }

    private let names: InternalTopicNames
    private let topology: Topology
    private let configuration: StreamsConfiguration
    private let stateDirectory: String?
    private let clock: @Sendable () -> Timestamp
    private let openCluster: @Sendable () throws -> any Cluster
    private let logger: Logger
    private let inner = Mutex(Inner())
    private let end = Latch()

    /// - Parameters:
    ///   - stateDirectory: of this application alone; nil keeps all state in memory.
    ///   - openCluster: called once, by `start`.
    package init(
        applicationID: String, topology: Topology, configuration: StreamsConfiguration, stateDirectory: String?,
        clock: @escaping @Sendable () -> Timestamp,
        openCluster: @escaping @Sendable () throws -> any Cluster
    ) {
        names = InternalTopicNames(applicationID: applicationID, topology: topology)
        self.topology = topology
        self.configuration = configuration
        self.stateDirectory = stateDirectory
        logger = configuration.logger
        self.clock = clock
        self.openCluster = openCluster
    }

    package var state: StreamsState { inner.withLock { $0.state } }

    /// The error that ended the application.
    package var failure: (any Error)? { inner.withLock { $0.failure } }

    /// What is used of the memory budget of the state; nil before the start.
    package var memoryUsage: StateMemory.Usage? { inner.withLock { $0.memory }?.usage }

    package var metrics: StreamsMetrics {
        let (finished, loops) = inner.withLock { ($0.finished, $0.loops) }
        return (finished + loops.flatMap(\.reports)).reduce(into: StreamsMetrics()) { $0.add($1) }
    }

    // MARK: Start and stop

    /// Checks and creates topics, and starts the threads; they restore on their own. Blocks for the topics.
    /// - Throws: `RuntimeError`, `ClusterError`, `TopologyError`; the state is `.error` then.
    package func start() throws {
        guard change(to: .rebalancing) else {
            throw RuntimeError.invalidState(expected: "\(StreamsState.created)", actual: "\(state)")
        }
        for warning in topology.warnings {
            logger.warning("\(warning)", metadata: ["application": "\(names.applicationID)"])
        }
        try launch()
    }

    private func launch() throws {
        do {
            let loops = try makeLoops()
            let isStopRequested = inner.withLock { inner in
                if !inner.isStopRequested { inner.loops = loops }
                for loop in loops { loop.setPaused(inner.isPaused) }
                return inner.isStopRequested
            }
            guard !isStopRequested else { return finish() }
            for loop in loops { loop.start() }
        } catch {
            inner.withLock { $0.failure = error }
            finish()
            throw error
        }
    }

    private func makeLoops() throws -> [StreamThreadLoop] {
        guard !topology.nodes.isEmpty || !topology.globalTables.isEmpty else { throw TopologyError.empty }
        let cluster = try inner.withLock { $0.cluster } ?? openCluster()
        inner.withLock { $0.cluster = cluster }
        let admin = try cluster.makeAdmin(clientID: names.applicationID + "-admin")
        defer { admin.close() }
        let watch = try TopicWatch(topology, names: names, admin: admin)
        let topics = try TopicPlan.prepare(
            watch.matched, names: names, newTopicPartitions: configuration.newTopicPartitions,
            settings: InternalTopicSettings(configuration), admin: admin)
        let memory = StateMemory(budgetBytes: configuration.stateMemoryBytes)
        inner.withLock { $0.memory = memory }
        let assignment = TopicPlan.assign(topics.tasks, toThreads: configuration.streamThreads)
        return assignment.enumerated().map { index, tasks in
            var plan = StreamThreadPlan(
                number: index + 1, tasks: tasks, topology: watch.matched, names: names, configuration: configuration,
                partitionCounts: topics.partitionCounts, cluster: cluster, memory: memory,
                stateDirectory: stateDirectory)
            if index == 0, topology.readsByPattern { plan.watch = watch }
            return StreamThreadLoop(plan, clock: clock, listener: listener)
        }
    }

    /// Threads commit, close and end. Does not wait: `ended` and `waitUntilEnded` do. May be called at any time, from
    /// any thread.
    package func stop() {
        let (loops, wasCreated) = inner.withLock { inner in
            inner.isStopRequested = true
            return (inner.loops, inner.state == .created)
        }
        if wasCreated { return finish() }
        _ = change(to: .pendingShutdown)
        for loop in loops { loop.stop() }
    }

    /// Nothing is processed and nobody called back until `resume`. What was done is committed.
    package func pause() { setPaused(true) }
    package func resume() { setPaused(false) }

    private func setPaused(_ isPaused: Bool) {
        let loops = inner.withLock { inner in
            inner.isPaused = isPaused
            return inner.loops
        }
        for loop in loops { loop.setPaused(isPaused) }
    }

    /// Returns when every thread has ended. Does not block a thread.
    package func ended() async { await end.wait() }

    /// Blocks until every thread has ended: not for Swift's cooperative pool.
    package func waitUntilEnded() { end.waitBlocking() }

    // MARK: What threads tell

    private var listener: StreamThreadLoop.Listener {
        StreamThreadLoop.Listener(
            isRunning: { [self] in threadChanged($0, isRunning: $1) }, failed: { [self] in threadFailed($0) },
            topicsChanged: { [self] in replan() },
            ended: { [self] in threadEnded($0, $1) })
    }

    private func threadChanged(_ number: Int, isRunning: Bool) {
        let allRun = inner.withLock { inner in
            if isRunning { inner.running.insert(number) } else { inner.running.remove(number) }
            return inner.running.count == inner.loops.count
        }
        _ = change(to: allRun ? .running : .rebalancing)
    }

    private func threadFailed(_ error: any Error) -> UncaughtErrorResponse {
        logger.error("a stream thread stopped: \(error)", metadata: ["application": "\(names.applicationID)"])
        return configuration.onUncaughtError(error)
    }

    /// Lets all threads commit and end; the last of them starts those that read the other topics.
    private func replan() {
        guard !inner.withLock({ $0.isStopRequested }) else { return }
        logger.info("other topics match now", metadata: ["application": "\(names.applicationID)"])
        _ = change(to: .rebalancing)
        let loops = inner.withLock { inner in
            inner.isReplanning = true
            return inner.loops
        }
        for loop in loops { loop.stop() }
    }

    private func threadEnded(_ number: Int, _ error: (any Error)?) {
        let (loops, isLast, beginsAnew) = inner.withLock { inner in
            inner.ended.insert(number)
            inner.failure = inner.failure ?? error
            let isLast = inner.ended.count == inner.loops.count
            let beginsAnew = isLast && inner.isReplanning && inner.failure == nil && !inner.isStopRequested
            defer {
                if beginsAnew {
                    inner.finished += inner.loops.flatMap(\.reports).map { report in
                        var report = report
                        (report.waiting, report.inFlight) = ([:], [:])
                        return report
                    }
                    (inner.loops, inner.running, inner.ended, inner.isReplanning) = ([], [], [], false)
                }
            }
            return (inner.loops, isLast, beginsAnew)
        }
        // The failure is kept, and ends the application.
        if beginsAnew { return (try? launch()) ?? () }
        if isLast { return finish() }
        if error != nil {
            _ = change(to: .pendingShutdown)
            for loop in loops { loop.stop() }
        }
    }

    private func finish() {
        _ = change(to: failure == nil ? .notRunning : .error)
        end.open()
    }

    /// - Returns: whether the change is allowed.
    private func change(to next: StreamsState) -> Bool {
        let old: StreamsState? = inner.withLock { inner in
            guard inner.state.mayBecome(next) else { return nil }
            defer { inner.state = next }
            return inner.state
        }
        guard let old else { return false }
        logger.info("\(names.applicationID) is \(next)", metadata: ["was": "\(old)"])
        configuration.onStateChange(old, next)
        return true
    }
}
