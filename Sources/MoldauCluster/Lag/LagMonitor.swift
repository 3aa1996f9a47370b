public import MoldauRecords

/// Judges the lag of groups: receives samples of their progress, and keeps the last ones of each partition.
///
/// A plain value without a clock. Samples should be further apart than the group's commits: a member that reads for
/// longer than three samples without a commit is judged as stalled.
package struct LagMonitor: Sendable {
    private var groups: [String: [TopicPartition: LagWindow]] = [:]

    /// A monitor without samples.
    package init() {}

    /// Adds a sample. Groups and partitions that are not in it are removed.
    /// - Parameter time: of a monotonic clock, not before that of the previous sample.
    package mutating func add(_ sample: [GroupProgress], at time: Duration) {
        var next: [String: [TopicPartition: LagWindow]] = [:]
        for group in sample {
            var windows = groups[group.group] ?? [:]
            windows = windows.filter { group.partitions[$0.key] != nil }
            for (partition, place) in group.partitions {
                if windows[partition]?.add(place, isRead: group.hasMembers, at: time) == nil {
                    windows[partition] = LagWindow(place, at: time)
                }
            }
            next[group.group] = windows
        }
        groups = next
    }

    /// The judgements, by group and partition.
    package var report: LagReport {
        LagReport(
            groups: groups.sorted(on: \.key).map { name, windows in
                LagReport.Group(
                    group: name,
                    partitions: windows.sorted(on: \.key).map { LagReport.Partition($0.key, $0.value) })
            })
    }
}

/// How far groups are behind, and whether that is a problem. Can be encoded as JSON.
public struct LagReport: Sendable, Hashable, Codable {
    /// By name.
    public var groups: [Group]

    /// A report on these groups.
    package init(groups: [Group] = []) { self.groups = groups }

    /// A group.
    public struct Group: Sendable, Hashable, Codable {
        /// Its name.
        public var group: String
        /// The partitions with committed offsets, in order.
        public var partitions: [Partition]
        /// The worst judgement; nil if no partition was judged.
        public var judgement: LagJudgement?
        /// The sum over the partitions, in offsets.
        public var lag: Int64

        init(group: String, partitions: [Partition]) {
            (self.group, self.partitions) = (group, partitions)
            judgement = partitions.compactMap(\.judgement).max()
            lag = partitions.reduce(0) { $0.addingCapped($1.lag) }
        }
    }

    /// A partition that a group reads.
    public struct Partition: Sendable, Hashable, Codable {
        /// The partition's topic.
        public var topic: String
        /// Its number in the topic.
        public var partition: MoldauRecords.Partition
        /// The offset of the next record that the group reads.
        public var committed: Offset
        /// The offset after the last record.
        public var end: Offset
        /// How many offsets are left to read. With transactions or compaction, that is more than the number of records.
        public var lag: Int64
        /// Whether the group keeps up; nil if there are too few samples.
        public var judgement: LagJudgement?
        /// The reason, in a sentence; or the number of samples.
        public var reason: String
        /// How much of the window of samples is filled, from 0 to 1: the fuller it is, the more reliable the judgement.
        public var complete: Double

        init(_ name: TopicPartition, _ window: LagWindow) {
            (topic, partition) = (name.topic, name.partition)
            (committed, end, lag) = (window.place.committed, window.place.end, window.place.lag)
            (judgement, reason, complete) = (window.judgement, window.reason, window.complete)
        }
    }
}
