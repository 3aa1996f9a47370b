import MoldauRecords
import MoldauTopology

/// What a stream thread has done since it started.
package struct StreamThreadReport: Sendable, Equatable {
    package var processed: Int64 = 0
    package var commits: Int64 = 0
    package var restored: Int64 = 0
    /// The number of changelog records that standby copies applied.
    package var followed: Int64 = 0
    package var globalUpdates: Int64 = 0
    package var drops: [DropKey: Int64] = [:]
    /// Tasks that have records but wait for other partitions, with those partitions.
    package var waiting: [TaskID: [TopicPartition]] = [:]
    /// How many records of each task wait for asynchronous results.
    package var inFlight: [TaskID: Int] = [:]
    /// Lags of stores that are being restored, and of standby copies.
    package var lags: [StoreLag] = []

    /// How many changelog records the stores of running tasks represent, at most, if several processes share the tasks.
    package var sizes: [TaskID: Int64] = [:]

    package init() {}

    /// The part of the report that remains after the thread has ended.
    var afterEnd: StreamThreadReport {
        var report = self
        (report.waiting, report.inFlight, report.lags, report.sizes) = ([:], [:], [], [:])
        return report
    }

    /// Adds dropped records.
    mutating func add(_ tallies: [DropKey: DropTally]) {
        for (key, tally) in tallies { drops[key, default: 0] += tally.count }
    }

    /// Adds the counts of a task.
    mutating func add(_ task: StreamTask) {
        processed += task.processedCount
        add(task.context.drops)
    }
}
