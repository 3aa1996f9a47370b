import MoldauRecords
import MoldauTopology

/// The state of an application.
///
///     created ──▸ rebalancing ◂──▸ running
///                      │              │
///                      └──────┬───────┘
///                       pendingShutdown ──▸ notRunning
///                             │
///                           error
public enum StreamsState: String, Sendable, Codable, CaseIterable, CustomStringConvertible {
    /// Not started.
    case created
    /// Topics are being checked, global tables and stores restored, or tasks moved from one thread to another.
    /// Unaffected tasks, and those that are ready, process records.
    case rebalancing
    /// Every task is being processed.
    case running
    /// Threads are committing and closing.
    case pendingShutdown
    /// Stopped on request.
    case notRunning
    /// Ended because of an error.
    case error

    public var description: String { rawValue }

    /// Whether this state is final.
    package var isOver: Bool { self == .notRunning || self == .error }

    /// Whether an application may change from this state to `next`.
    package func mayBecome(_ next: StreamsState) -> Bool {
        switch (self, next) {
        case (.created, .rebalancing), (.created, .notRunning), (.created, .error): true
        case (.rebalancing, .running), (.running, .rebalancing): true
        case (.rebalancing, .pendingShutdown), (.running, .pendingShutdown): true
        case (.rebalancing, .error), (.running, .error), (.pendingShutdown, .error): true
        case (.rebalancing, .notRunning), (.pendingShutdown, .notRunning): true
        default: false
        }
    }
}

/// What an application has done since it started.
public struct StreamsMetrics: Sendable, Equatable {
    /// The number of processed records.
    public var processedRecords: Int64 = 0
    /// The number of completed commits.
    public var commits: Int64 = 0
    /// Changelog records that were read into stores.
    public var restoredRecords: Int64 = 0
    /// Changelog records applied to standby copies.
    public var standbyRecords: Int64 = 0
    /// Records of global tables' topics that were applied, summed over all threads.
    public var globalTableUpdates: Int64 = 0
    /// Dropped records, by node and reason.
    public var drops: [DropKey: Int64] = [:]
    /// Tasks that have records but may not take one, with the partitions that they wait for.
    public var waiting: [TaskID: [TopicPartition]] = [:]
    /// How many records wait for asynchronous results, by task.
    public var inFlight: [TaskID: Int] = [:]

    /// How far stores that are being restored, and standby copies, are behind their changelogs. Kafka's
    /// `allLocalStorePartitionLags`.
    public var lags: [StoreLag] = []

    /// All counts are 0.
    package init() {}

    mutating func add(_ report: StreamThreadReport) {
        processedRecords += report.processed
        commits += report.commits
        restoredRecords += report.restored
        standbyRecords += report.followed
        globalTableUpdates += report.globalUpdates
        drops.merge(report.drops, uniquingKeysWith: +)
        waiting.merge(report.waiting) { $1 }
        inFlight.merge(report.inFlight) { $1 }
        lags += report.lags
    }
}
