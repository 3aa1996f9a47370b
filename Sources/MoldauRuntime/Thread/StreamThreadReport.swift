import MoldauRecords
import MoldauTopology

/// What a stream thread did since it began.
package struct StreamThreadReport: Sendable, Equatable {
    package var processed: Int64 = 0
    package var commits: Int64 = 0
    package var restored: Int64 = 0
    /// Changelog records that standby copies took in.
    package var followed: Int64 = 0
    package var globalUpdates: Int64 = 0
    package var drops: [DropKey: Int64] = [:]
    /// Tasks that have records and must not take one, with the partitions that they wait for.
    package var waiting: [TaskID: [TopicPartition]] = [:]
    /// Records whose asynchronous results are still to come.
    package var inFlight: [TaskID: Int] = [:]
    /// Of stores that are being restored, and of standby copies.
    package var lags: [StoreLag] = []

    package init() {}

    /// What remains of it when the thread is over.
    var afterEnd: StreamThreadReport {
        var report = self
        (report.waiting, report.inFlight, report.lags) = ([:], [:], [])
        return report
    }

    /// What a task did.
    mutating func add(_ task: StreamTask) {
        processed += task.processedCount
        drops.merge(task.context.drops, uniquingKeysWith: +)
    }
}
