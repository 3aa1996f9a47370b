import Foundation
@_exported public import MoldauCluster
@_exported public import MoldauClusterEmbedded
@_exported public import MoldauJSON
@_exported public import MoldauRecords
@_exported public import MoldauRuntime
@_exported public import MoldauState
@_exported public import MoldauTopology
public import ServiceLifecycle

@_exported public import enum MoldauLog.Durability
@_exported public import enum MoldauLog.LogError

/// A topology at work on a cluster.
///
/// ```swift
/// let app = StreamsApplication(id: "word-count", topology: topology, cluster: .embedded(at: "data"))
/// try await app.run()
/// ```
/// `run` is for service groups and async programs; `start` and `stop` for all others. An application runs once.
public final class StreamsApplication: Service, CustomStringConvertible {
    public let id: String
    private let engine: StreamsEngine
    private let cluster: OpenedCluster

    /// - Parameters:
    ///   - id: stands before the names of internal topics and state, and is the group under which positions are
    ///   committed.
    ///   - clock: the wall clock, read once per round of each stream thread: what records and punctuations are told.
    ///   - uptime: a clock that nobody sets, read with the wall clock: how long something takes, and what is due, goes by it.
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

    /// Runs until it is shut down gracefully, cancelled, stopped, or fails. Graceful shutdown commits and closes.
    /// - Throws: why it could not start, or what ended it.
    public func run() async throws {
        // Topics and clusters are opened by blocking calls, which have no place on Swift's cooperative pool.
        let starter = Thread { [engine] in
            // The engine keeps the error: `finish` throws it.
            try? engine.start()
        }
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                starter.start()
                await engine.ended()
            } onGracefulShutdown: {
                self.engine.stop()
            }
        } onCancel: {
            self.engine.stop()
        }
        try finish()
    }

    /// Starts without waiting for restores or for the end. Blocks for opening the cluster and checking topics.
    @available(*, noasync, message: "start blocks; async code runs the application with run()")
    public func start() throws { try engine.start() }

    /// Commits, closes everything, and returns then. Blocks: not for async code, which cancels `run`.
    /// - Throws: what ended it before.
    @available(
        *, noasync, message: "stop blocks; async code cancels the task that runs run(), or shuts its service group down"
    )
    public func stop() throws {
        engine.stop()
        engine.waitUntilEnded()
        try finish()
    }

    private func finish() throws {
        let failure = engine.failure
        let closing = Result { try cluster.close() }
        if let failure { throw failure }
        try closing.get()
    }

    /// Nothing is processed and nobody called back until `resume`; what was done is committed.
    public func pause() { engine.pause() }
    public func resume() { engine.resume() }

    /// Starts another stream thread, and returns when it has its share of the tasks. The other threads keep theirs but for
    /// that share, and go on meanwhile; the state is `.rebalancing`. Tasks go after a commit, so nothing is lost, and nothing
    /// there twice. Memory for state is divided among all stores anew. Kafka's `addStreamThread`.
    /// - Returns: the thread's name.
    /// - Throws: `RuntimeError.invalidState` where the application does not run, or ended meanwhile.
    @discardableResult
    public func addThread() async throws -> String { try await engine.addThread() }

    /// Ends the stream thread that was added last, and returns when the others have its tasks. Where results of
    /// asynchronous operators do not come within `stopPatience`, what was done since the last commit is done again by
    /// others. Kafka's `removeStreamThread`.
    /// - Returns: the thread's name.
    /// - Throws: `RuntimeError.lastThread` where it is the only one: `pause` does that; `.invalidState` where the
    ///   application does not run, or ended meanwhile.
    @discardableResult
    public func removeThread() async throws -> String { try await engine.removeThread() }

    /// The stream threads with their tasks, in the order of their numbers. Kafka's `metadataForLocalThreads`.
    public var threads: [StreamThreadDescription] { engine.threads }

    /// How far stores that are being restored, and standby copies, are behind their changelogs. Kafka's
    /// `allLocalStorePartitionLags`.
    public var storeLags: [StoreLag] { engine.metrics.lags }

    /// What the application is doing. May be read from any thread.
    public var state: StreamsState { engine.state }
    /// Counts since the start. May be read from any thread.
    public var metrics: StreamsMetrics { engine.metrics }
    /// The discarded records, by node and reason.
    public var drops: [DropKey: Int64] { engine.metrics.drops }
    /// What is used of the memory budget of the state; nil before the start.
    public var memoryUsage: StateMemory.Usage? { engine.memoryUsage }
}

/// The cluster that an application works on, and where its state lies.
public struct ClusterChoice: Sendable {
    enum Kind: Sendable {
        case directory(String, Durability)
        case given(any Cluster)
    }

    let kind: Kind
    let stateDirectory: String?
    let newTopicPartitions: Int32?

    /// A broker in this process, on a directory of its own: topics below `topics`, state below `state`. Opened when the
    /// application starts, and closed with it.
    /// - Parameter newTopicPartitions: topics that are missing are created with that many partitions; nil: an error
    ///   names them.
    public static func embedded(
        at directory: String, durability: Durability = .sync, newTopicPartitions: Int32? = 1
    ) -> ClusterChoice {
        ClusterChoice(
            kind: .directory("\(directory)/topics", durability), stateDirectory: "\(directory)/state",
            newTopicPartitions: newTopicPartitions)
    }

    /// A cluster that is open, and stays so after the application.
    /// - Parameter stateDirectory: each application has a directory in it; nil keeps all state in memory.
    public static func cluster(_ cluster: any Cluster, stateDirectory: String?) -> ClusterChoice {
        ClusterChoice(kind: .given(cluster), stateDirectory: stateDirectory, newTopicPartitions: nil)
    }
}
