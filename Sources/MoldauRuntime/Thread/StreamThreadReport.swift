import MoldauRecords
import MoldauTopology

/// What a stream thread has done since it started.
package struct StreamThreadReport: Sendable, Equatable {
    package var processed: Int64 = 0
    package var commits: Int64 = 0
    package var restored: Int64 = 0
    /// Changelog records that standby copies applied.
    package var followed: Int64 = 0
    package var globalUpdates: Int64 = 0
    package var drops: [DropKey: Int64] = [:]
    /// Tasks that have records and wait for other partitions, with these.
    package var waiting: [TaskID: [TopicPartition]] = [:]
    /// Records whose asynchronous results are still to come.
    package var inFlight: [TaskID: Int] = [:]
    /// Lags of stores that are being restored, and of standby copies.
    package var lags: [StoreLag] = []

    package init() {}

    /// What remains of it when the thread has ended.
    var afterEnd: StreamThreadReport {
        var report = self
        (report.waiting, report.inFlight, report.lags) = ([:], [:], [])
        return report
    }

    /// Adds what a task did.
    mutating func add(_ task: StreamTask) {
        processed += task.processedCount
        drops.merge(task.context.drops, uniquingKeysWith: +)
    }
}
