import MoldauRecords
import MoldauTopology

/// What an application is doing.
///
///     created ──▸ rebalancing ◂──▸ running
///                      │              │
///                      └──────┬───────┘
///                       pendingShutdown ──▸ notRunning
///                             │
///                           error
public enum StreamsState: String, Sendable, CustomStringConvertible {
    /// Not started.
    case created
    /// Topics are checked, global tables and stores restored, or tasks go from one thread to another. Tasks that are through
    /// with it, and those that stay where they are, are processed.
    case rebalancing
    /// Every task is processed.
    case running
    /// Threads commit and close.
    case pendingShutdown
    /// Ended as it was asked to.
    case notRunning
    /// Ended because of an error.
    case error

    public var description: String { rawValue }

    /// Whether nothing comes after it.
    package var isOver: Bool { self == .notRunning || self == .error }

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

/// What an application did since it started.
public struct StreamsMetrics: Sendable, Equatable {
    public var processedRecords: Int64 = 0
    public var commits: Int64 = 0
    /// Changelog records that were read into stores.
    public var restoredRecords: Int64 = 0
    /// Changelog records that standby copies took in.
    public var standbyRecords: Int64 = 0
    /// Records of global tables' topics that were applied, by all threads together.
    public var globalTableUpdates: Int64 = 0
    /// Discarded records, by node and reason.
    public var drops: [DropKey: Int64] = [:]
    /// Tasks that have records and must not take one, with the partitions that they wait for.
    public var waiting: [TaskID: [TopicPartition]] = [:]
    /// Records whose asynchronous results are still to come, by task.
    public var inFlight: [TaskID: Int] = [:]

    /// How far stores that are being restored, and standby copies, are behind their changelogs.
    public var lags: [StoreLag] = []

    public init() {}

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
