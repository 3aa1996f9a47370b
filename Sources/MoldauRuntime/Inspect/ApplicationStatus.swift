import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

/// What this process of an application is doing, as plain data. Times are milliseconds since 1970.
package struct ApplicationStatus: Sendable, Hashable, Codable {
    /// A stream thread.
    package struct Thread: Sendable, Hashable, Codable {
        package var name: String
        /// Whether it makes its rounds: not while it is opened, and not after a failure before its restart.
        package var isAlive: Bool
        package var tasks: [TaskID]
        /// The tasks of others whose stores it keeps copies of.
        package var standbys: [TaskID]
    }

    /// A task that a thread of this process works on.
    package struct Task: Sendable, Hashable, Codable {
        package var id: TaskID
        package var thread: String
        package var partitions: [Input]
        /// The partitions that keep records of others waiting.
        package var waitsFor: [TopicPartition]
        /// How many records wait for results of asynchronous closures.
        package var inFlight: Int
    }

    /// A partition that a task reads.
    package struct Input: Sendable, Hashable, Codable {
        package var topic: String
        package var partition: Partition
        /// The next record to take.
        package var position: Offset?
        /// The end of the partition when it was last looked up.
        package var end: Offset?
        /// The records in between.
        package var lag: Int64?
        /// The age of the next record by its own time; 0 if there is none; nil while that is unknown.
        package var lagMs: Int64?
    }

    /// A store that is behind its changelog.
    package struct Restore: Sendable, Hashable, Codable {
        package var store: String
        package var topic: String
        package var partition: Partition
        /// How many records are left, markers included.
        package var remaining: Int64
        /// Whether it is a copy of a task that another thread works on, which may always be a little behind.
        package var isStandby: Bool
    }

    /// The memory of all stores.
    package struct Memory: Sendable, Hashable, Codable {
        package var usedBytes: Int
        package var budgetBytes: Int
    }

    /// The disk with the stores.
    package struct Disk: Sendable, Hashable, Codable {
        /// The files of this process's stores.
        package var storeBytes: Int
        /// The records of the topics, if they are kept by a broker in this process.
        package var topicBytes: Int?
        /// The file system of the stores: what is left, and what there is.
        package var freeBytes: Int?
        package var totalBytes: Int?
    }

    package var application: String
    package var state: StreamsState
    package var isPaused: Bool
    package var startedAt: Timestamp?
    package var now: Timestamp
    /// `exactlyOnce` or `atLeastOnce`.
    package var guarantee: String
    /// Counts since the start.
    package var processed: Int64
    package var commits: Int64
    package var restored: Int64
    package var threads: [Thread]
    package var tasks: [Task]
    package var restores: [Restore]
    /// nil before the start.
    package var memory: Memory?
    /// nil if nothing is kept on disk.
    package var disk: Disk?
    /// The tasks of each process that says where it may be asked.
    package var hosts: [String: [TaskID]]

    /// The records that are still to be taken, as far as that is known.
    package var lag: Int64 { tasks.flatMap(\.partitions).reduce(0) { $0 + ($1.lag ?? 0) } }
}

/// Whether an application may be asked.
package struct ApplicationReadiness: Sendable, Hashable, Codable {
    package var state: StreamsState
    package var ready: Bool
    /// Why not.
    package var reason: String?
}

extension StreamsEngine {
    /// What happened, the newest last; at most 500 events.
    package var events: [ApplicationEvent] { eventLog.events }

    /// The structure of what runs.
    package var graph: TopologyGraph {
        inner.withLock { inner in
            if let graph = inner.graph { return graph }
            let graph = TopologyGraph(
                inner.plan?.topology ?? topology, application: names.applicationID, topicName: names.topic,
                changelogName: names.changelog(ofStore:), partitions: inner.plan?.partitionCounts ?? [:])
            inner.graph = graph
            return graph
        }
    }

    /// Ready are running applications that restore nothing. Asks no thread.
    package var readiness: ApplicationReadiness {
        let (state, restoring) = (state, metrics.lags.filter { !$0.isStandby })
        var reason: String?
        if state != .running { reason = "the application is \(state)" }
        if let first = restoring.first {
            reason = "\(restoring.count) stores are being restored, '\(first.store)' among them"
        }
        return ApplicationReadiness(state: state, ready: reason == nil, reason: reason)
    }

    /// What this process does, with what it has on disk: opens the logs of a broker in this process that are closed.
    /// - Throws: `CancellationError`.
    package func status() async throws -> ApplicationStatus {
        var status = status(try await explained())
        status.disk = try await disk()
        return status
    }

    /// What this process does but for the disk, and why there may be no output: asks each thread once.
    /// - Throws: `CancellationError`.
    package func look() async throws -> (status: ApplicationStatus, explanation: Explanation) {
        let explained = try await explained()
        return (status(explained), Explanation(explained))
    }

    private func disk() async throws -> ApplicationStatus.Disk? {
        guard let stateDirectory else { return nil }
        let stores = try await askThreads { contents, _ in contents.storeFileBytes }.answers
        let cluster = inner.withLock { $0.cluster } as? any InProcessCluster
        let topics = try await onThread { cluster?.use().topicBytes.values.reduce(0, +) }
        let space = DiskSpace(at: stateDirectory)
        return .init(
            storeBytes: stores.reduce(0, +), topicBytes: topics, freeBytes: space?.freeBytes,
            totalBytes: space?.totalBytes)
    }

    private func status(_ explained: ExplainedApplication) -> ApplicationStatus {
        let metrics = metrics
        let alive = inner.withLock { inner in
            Set(inner.loops.filter { $0.value.mailbox != nil }.map { names.thread($0.key) })
        }
        return ApplicationStatus(
            application: names.applicationID, state: explained.state, isPaused: explained.isPaused,
            startedAt: inner.withLock { $0.startedAt }, now: clock().wall,
            guarantee: explained.guarantee == .exactlyOnce ? "exactlyOnce" : "atLeastOnce",
            processed: metrics.processedRecords, commits: metrics.commits, restored: metrics.restoredRecords,
            threads: threads.map {
                .init(name: $0.name, isAlive: alive.contains($0.name), tasks: $0.tasks, standbys: $0.standbys)
            },
            tasks: explained.accounts.flatMap { account in
                account.tasks.map { ApplicationStatus.Task($0, account, metrics) }
            }.sorted { $0.id < $1.id },
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
