import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

/// What this process of an application is doing, as plain data. Times are milliseconds since 1970.
struct ApplicationStatus: Sendable, Hashable, Codable {
    /// A stream thread.
    struct Thread: Sendable, Hashable, Codable {
        var name: String
        /// Whether it is processing: false while it is opened, and between a failure and its restart.
        var isAlive: Bool
        var tasks: [TaskID]
        /// The tasks that run elsewhere, but whose stores it keeps standby copies of.
        var standbys: [TaskID]
    }

    /// A task that a thread of this process works on.
    struct Task: Sendable, Hashable, Codable {
        var id: TaskID
        var thread: String
        var partitions: [Input]
        /// The partitions whose next record the task waits for, while records of others are held back.
        var waitsFor: [TopicPartition]
        /// How many records wait for the results of asynchronous closures.
        var inFlight: Int
    }

    /// A partition that a task reads.
    struct Input: Sendable, Hashable, Codable {
        var topic: String
        var partition: Partition
        /// The offset of the next record to process.
        var position: Offset?
        /// The end of the partition when it was last looked up.
        var end: Offset?
        /// The number of records in between.
        var lag: Int64?
        /// The age of the next record by its own timestamp; 0 if there is none; nil while it is unknown.
        var lagMs: Int64?
    }

    /// A store that is behind its changelog.
    struct Restore: Sendable, Hashable, Codable {
        var store: String
        var topic: String
        var partition: Partition
        /// How many records remain, markers included.
        var remaining: Int64
        /// Whether it is a standby copy; the task itself runs elsewhere, so the copy may always lag a little.
        var isStandby: Bool
    }

    /// The memory of all stores.
    struct Memory: Sendable, Hashable, Codable {
        var usedBytes: Int
        var budgetBytes: Int
    }

    /// The disk that holds the stores.
    struct Disk: Sendable, Hashable, Codable {
        /// The size of the files of this process's stores.
        var storeBytes: Int
        /// The size of the topics, if a broker in this process keeps them.
        var topicBytes: Int?
        /// The free and total size of the stores' file system.
        var freeBytes: Int?
        var totalBytes: Int?
    }

    var application: String
    var state: StreamsState
    var isPaused: Bool
    var startedAt: Timestamp?
    var now: Timestamp
    /// `exactlyOnce` or `atLeastOnce`.
    var guarantee: String
    /// Counts since the start.
    var processed: Int64
    var commits: Int64
    var restored: Int64
    var threads: [Thread]
    var tasks: [Task]
    var restores: [Restore]
    /// nil before the start.
    var memory: Memory?
    /// nil if nothing is stored on disk.
    var disk: Disk?
    /// The tasks of each process that has announced its address for queries.
    var hosts: [String: [TaskID]]

    /// The records still to be processed, as far as that is known.
    var lag: Int64 { tasks.flatMap(\.partitions).reduce(0) { $0 + ($1.lag ?? 0) } }
}

/// Whether an application can answer queries.
struct ApplicationReadiness: Sendable, Hashable, Codable {
    var state: StreamsState
    var ready: Bool
    /// Why it is not ready.
    var reason: String?
}

extension StreamsEngine {
    /// An application is ready if it is running and nothing is being restored. Does not wait for any thread.
    var readiness: ApplicationReadiness {
        let (state, restoring) = (state, metrics.lags.filter { !$0.isStandby })
        var reason: String?
        if state != .running { reason = "the application is \(state)" }
        if let first = restoring.first {
            reason = "\(restoring.count) stores are being restored, '\(first.store)' among them"
        }
        return ApplicationReadiness(state: state, ready: reason == nil, reason: reason)
    }

    /// The status of this process, including its disk usage: opens closed logs of a broker in this process.
    /// - Throws: `CancellationError`.
    func status() async throws -> ApplicationStatus {
        var status = status(try await explained())
        status.disk = try await disk()
        return status
    }

    /// The status of this process without its disk usage, and the reasons why there may be no output: asks each thread
    /// once.
    /// - Throws: `CancellationError`.
    func look() async throws -> (status: ApplicationStatus, explanation: Explanation) {
        let explained = try await explained()
        return (status(explained), Explanation(explained))
    }

    private func disk() async throws -> ApplicationStatus.Disk? {
        guard let use = try await diskUse() else { return nil }
        return .init(
            storeBytes: use.storeBytes, topicBytes: use.topicBytes, freeBytes: use.space?.freeBytes,
            totalBytes: use.space?.totalBytes)
    }

    private func status(_ explained: ExplainedApplication) -> ApplicationStatus {
        let (metrics, alive) = (metrics, aliveThreads)
        return ApplicationStatus(
            application: names.applicationID, state: explained.state, isPaused: explained.isPaused,
            startedAt: startedAt, now: clock().wall,
            guarantee: explained.guarantee == .exactlyOnce ? "exactlyOnce" : "atLeastOnce",
            processed: metrics.processedRecords, commits: metrics.commits, restored: metrics.restoredRecords,
            threads: threads.map {
                .init(name: $0.name, isAlive: alive.contains($0.name), tasks: $0.tasks, standbys: $0.standbys)
            },
            tasks: explained.accounts.flatMap { account in
                account.tasks.map { ApplicationStatus.Task($0, account, metrics) }
            }.sorted(on: \.id),
            restores: metrics.lags.map {
                .init(
                    store: $0.store, topic: $0.changelog.topic, partition: $0.changelog.partition,
                    remaining: $0.records, isStandby: $0.isStandby)
            },
            memory: memoryUsage.map { .init(usedBytes: $0.usedBytes, budgetBytes: $0.budgetBytes) }, hosts: hosts)
    }
}

extension ApplicationStatus.Task {
    init(_ task: ThreadAccount.Task, _ account: ThreadAccount, _ metrics: StreamsMetrics) {
        self.init(
            id: task.id, thread: account.thread,
            partitions: task.inputs.map(ApplicationStatus.Input.init),
            waitsFor: task.blocking.map(\.partition), inFlight: metrics.inFlight[task.id] ?? 0)
    }
}

extension ApplicationStatus.Input {
    init(_ input: ThreadAccount.Input) {
        (topic, partition) = (input.partition.topic, input.partition.partition)
        (position, end, lagMs) = (input.position, input.end, input.lagMs)
        if let position, let end { lag = position.lag(behind: end) }
    }
}
