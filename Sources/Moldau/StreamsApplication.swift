import Foundation
@_exported public import MoldauClusterEmbedded
@_exported public import MoldauJSON
@_exported public import MoldauRecords
@_exported public import MoldauRuntime
@_exported public import MoldauState
@_exported public import MoldauTopology
import Signals

/// Runs a topology on a cluster.
///
/// ```swift
/// let app = StreamsApplication(id: "word-count", topology: topology, cluster: .embedded(at: "data"))
/// try await app.run()
/// ```
/// Use `run` in async programs, `start` and `stop` elsewhere. With the library `MoldauServiceLifecycle` it is a service
/// of swift-service-lifecycle. An application runs once.
public final class StreamsApplication: Sendable, CustomStringConvertible {
    /// The application id: internal topics, the state and the group of the committed offsets are named after it.
    public let id: String
    package let engine: StreamsEngine
    private let cluster: OpenedCluster

    /// - Parameters:
    ///   - id: the prefix of the names of internal topics and of the state, and the group under which offsets are
    ///     committed.
    ///   - clock: the wall clock, read once per round of each stream thread; records and punctuations get its time.
    ///   - uptime: a monotonic clock, read together with the wall clock; durations and deadlines use it.
    ///   - topology: the topology to run.
    ///   - cluster: the cluster with the topics.
    ///   - configuration: the settings.
    public init(
        id: String, topology: Topology, cluster: ClusterChoice,
        configuration: StreamsConfiguration = StreamsConfiguration(),
        clock: @escaping @Sendable () -> Timestamp = EmbeddedCluster.systemClock,
        uptime: @escaping @Sendable () -> Duration = EmbeddedCluster.systemUptime
    ) {
        self.id = id
        var configuration = configuration
        configuration.newTopicPartitions = configuration.newTopicPartitions ?? cluster.newTopicPartitions
        let opened = OpenedCluster(cluster, clock: clock, logger: configuration.logger)
        self.cluster = opened
        engine = StreamsEngine(
            applicationID: id, topology: topology, configuration: configuration,
            stateDirectory: cluster.stateDirectory.map { "\($0)/\(id)" },
            clock: { RoundTime(clock(), uptime: uptime()) },
            openCluster: { try opened.open() })
    }

    public var description: String { "application \(id)" }

    /// Runs until a signal arrives, or until it is cancelled or stopped, then commits and closes everything; or until
    /// it fails.
    /// - Parameter signals: the signals that stop it, for example `[SIGINT, SIGTERM]`: Control-C, and the signal of
    ///   service managers. A second one ends the program immediately. None by default.
    /// - Throws: why it could not start, or the error that ended it.
    public func run(stoppingAt signals: [Int32] = []) async throws {
        let interruption = Interruption(of: signals) { [engine] in engine.stop() }
        defer { withExtendedLifetime(interruption) {} }
        // Opening clusters and topics blocks, so it must not happen on Swift's cooperative pool.
        let starter = Thread { [engine] in
            // The engine keeps the error: `finish` throws it.
            try? engine.start()
        }
        await withTaskCancellationHandler {
            starter.start()
            await engine.ended()
        } onCancel: {
            requestStop()
        }
        try finish()
    }

    /// Starts the application without waiting for restores or for the end. Blocks while it opens the cluster and checks
    /// topics.
    /// - Throws: why it cannot start: `ClusterError`, `RuntimeError`, `StateError`, `TopologyError`.
    @available(*, noasync, message: "start blocks; async code runs the application with run()")
    public func start() throws { try engine.start() }

    /// Stops the application, and returns after it has committed and closed everything. Blocks, at most for
    /// `StreamsConfiguration.stopTimeout`; async code cancels `run` instead.
    /// - Throws: the error that had ended it before; `RuntimeError.stopTimedOut`.
    @available(
        *, noasync, message: "stop blocks; async code cancels the task that runs run(), or shuts its service group down"
    )
    public func stop() throws {
        engine.stop()
        engine.waitUntilEnded()
        try finish()
    }

    /// Makes `run` commit, close everything and return. Does not wait for that.
    package func requestStop() { engine.stop() }

    private func finish() throws {
        let failure = engine.failure
        let closing = Result { try cluster.close() }
        if let failure { throw failure }
        try closing.get()
    }

    /// Stops processing and callbacks until `resume`; what was processed is committed.
    public func pause() { engine.pause() }
    /// Resumes processing after `pause`. No-op if the application is not paused.
    public func resume() { engine.resume() }

    /// Starts another stream thread, and returns when it has its share of the tasks. The other threads keep their
    /// remaining tasks and continue to process them meanwhile; the state is `.rebalancing`. Tasks move after a commit,
    /// so no record is lost or processed twice. The memory for state is divided again among all stores. Kafka's
    /// `addStreamThread`.
    /// - Returns: the thread's name.
    /// - Throws: `RuntimeError.invalidState` if the application is not running, or ends meanwhile.
    @discardableResult
    public func addThread() async throws -> String { try await engine.addThread() }

    /// Ends the stream thread that was added last, and returns when the others have taken over its tasks. If results of
    /// asynchronous operators do not arrive within `stopPatience`, the thread's work since the last commit is repeated
    /// by the other threads. If the disk is full, this waits until there is space. Kafka's `removeStreamThread`.
    /// - Returns: the thread's name.
    /// - Throws: `RuntimeError.lastThread` if it is the only one (use `pause` instead); `.invalidState` if the
    ///   application is not running, or ends meanwhile.
    @discardableResult
    public func removeThread() async throws -> String { try await engine.removeThread() }

    /// The stream threads with their tasks, in the order of their numbers. Kafka's `metadataForLocalThreads`.
    public var threads: [StreamThreadDescription] { engine.threads }

    /// The addresses for queries of the application's processes (`StreamsConfiguration.applicationServer`), with the
    /// tasks that each one runs, as last assigned. Empty if one process has all tasks. Kafka's
    /// `metadataForAllStreamsClients`.
    public var hosts: [String: [TaskID]] { engine.hosts }

    /// Reads a store from outside while the application runs, typed by the store's name. See `StoreReader`.
    /// - Parameters:
    ///   - name: the store's name, whose type determines how it is read.
    ///   - options: may be changed later.
    /// - Throws: `QueryError.unknownStore` if the topology has no store of that name, `.wrongType` if its type or the
    ///   formats of its keys and values are not the name's.
    public func store<Name: StoreName>(
        _ name: Name, _ options: QueryOptions = QueryOptions()
    ) throws(QueryError) -> StoreReader<Name> where Name.Key: Sendable, Name.Value: Sendable {
        try StoreReader(name, of: engine, options)
    }

    /// The committed changes of a table as they arrive, from all processes of the application; also of an aggregate of
    /// windows or sessions, whose changes have `Windowed` keys. Waits for the application's start.
    ///
    /// They are read from the table's changelog: a row that changes several times between two commits counts once. A
    /// table that is restored from the topic it reads has no changelog: its changes are that topic's records, which the
    /// application may not have processed yet. The expiry of a window, a session or a version is not a change.
    /// - Parameters:
    ///   - name: the table's name.
    ///   - start: whether to begin with the table's present contents.
    ///   - limit: how many changes may be buffered for the reader; see `TableChanges`.
    /// - Throws: `QueryError.unknownStore`, `.wrongType`, `.notLogged`, `.notRunning`; `ClusterError`;
    ///   `CancellationError`.
    public func changes<Name: FollowableStoreName>(
        of name: Name, from start: ChangeStart = .now, limit: Int = 1_024
    ) async throws -> TableChanges<Name> where Name.Key: Sendable, Name.Value: Sendable {
        try await engine.changes(of: name, from: start, limit: limit)
    }

    /// Why there is no output, or less than expected: which records went through each node, what it dropped and why,
    /// what is held back and what it waits for, each with its remedy. About this process; see `Explanation`.
    ///
    /// Asks each stream thread between two batches of records, and does not block; a thread that does not answer within
    /// two seconds is one of the reasons. Works in every state, also after a failure.
    /// - Throws: `CancellationError`.
    public func explain() async throws -> Explanation { try await engine.explain() }

    /// Why a store has no value for a key: which task has it, whether this process runs the task, which dropped records
    /// had the key, and what the end of the store's changelog shows about it.
    ///
    /// Takes longer than a query if there is no value: the task is committed, and up to 100,000 records of the
    /// changelog's partition are read.
    /// - Throws: `QueryError.unknownStore` if the topology has no store of that name; `ClusterError`; errors of the
    ///   serdes for a key that cannot be encoded; `CancellationError`.
    public func explain<Name: StoreName>(
        _ key: Name.Key, in name: Name
    ) async throws -> KeyExplanation where Name.Key: Sendable, Name.Value: Sendable {
        try await engine.explain(key, in: name)
    }

    /// The current values of all metrics: see `Metric` and `Docs/Operating.md`. About this process.
    ///
    /// Asks each stream thread between two batches of records, and does not block; the metrics of a thread are missing
    /// if it does not answer within two seconds (`moldau_client_silent_stream_threads`). Works in every state. Meant to
    /// be called every few seconds.
    /// - Throws: `CancellationError`.
    public func measurements() async throws -> [MetricSample] { try await engine.measure().all }

    /// All metrics as text for Prometheus (version 0.0.4, with the content type `text/plain; version=0.0.4`). Names
    /// begin with `moldau_`; every line has the label `application`.
    /// - Throws: `CancellationError`.
    public func prometheus() async throws -> String { try await engine.prometheus() }

    /// The lag of the application's group, or of all groups of the cluster, and whether they keep up.
    ///
    /// Based on samples, of which a call takes one if the last is at least five seconds old: call it repeatedly. The
    /// first calls can tell little. Does not block; sends the cluster three requests per group. Before the start there
    /// are no groups.
    /// - Parameter ofAllGroups: whether to include other groups: expensive on a large cluster.
    /// - Throws: `ClusterError`; `CancellationError`.
    public func lag(ofAllGroups: Bool = false) async throws -> LagReport {
        try await engine.lag(ofAllGroups: ofAllGroups)
    }

    /// The current state. May be read from any thread.
    public var state: StreamsState { engine.state }
    /// Counts since the start. May be read from any thread.
    public var metrics: StreamsMetrics { engine.metrics }
    /// How much of the memory budget of the state is in use; nil before the start.
    public var memoryUsage: StateMemoryUsage? { engine.memoryUsage }
}
