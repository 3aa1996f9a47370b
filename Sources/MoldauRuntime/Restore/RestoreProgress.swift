import MoldauRecords

/// How the restore of one store is going.
public struct RestoreProgress: Sendable, Equatable {
    public enum Phase: Sendable, Equatable {
        case started
        case progressed
        case finished
    }

    public let phase: Phase
    public let store: String
    /// The changelog partition that is read.
    public let changelog: TopicPartition
    /// Where the store stood when the restore began.
    public let from: Offset
    /// Where the changelog ended then.
    public let to: Offset
    /// Up to where the store is now. Offsets count markers and what compaction took as well, so it may go ahead faster than
    /// `restoredCount`.
    public let position: Offset
    /// Records taken in so far.
    public let restoredCount: Int64
    /// Since the restore of this store began.
    public let elapsed: Duration
    /// Why the store is read from the beginning although it held data; nil where it goes on from its own offset.
    public let rebuiltBecause: String?

    /// 0 while no time was measured.
    public var recordsPerSecond: Int64 {
        elapsed.milliseconds > 0 ? restoredCount * 1_000 / elapsed.milliseconds : 0
    }

    /// About how long the rest takes, if it goes on as it did; nil while that is not known.
    public var timeLeft: Duration? {
        if position >= to { return .zero }
        guard position > from, elapsed > .zero else { return nil }
        return elapsed * (Double(to - position) / Double(position - from))
    }
}

extension RestoreProgress: CustomStringConvertible {
    public var description: String {
        if phase == .finished {
            return "restored \(store) from \(changelog): \(restoredCount) record\(restoredCount == 1 ? "" : "s") in "
                + "\(elapsed.milliseconds) ms" + (rebuiltBecause.map { ", from the beginning: \($0)" } ?? "")
        }
        let left = timeLeft.map { ", about \($0.milliseconds / 1_000) s left" } ?? ""
        return "restoring \(store) from \(changelog): at \(position) of \(to), \(restoredCount) records, "
            + "\(recordsPerSecond) a second\(left)"
    }
}

/// How far a copy of a store is behind its changelog: one that is being restored, or a standby copy. Kafka's `LagInfo`.
public struct StoreLag: Sendable, Hashable {
    public let store: String
    /// The changelog partition that is read.
    public let changelog: TopicPartition
    /// The next record to read.
    public let position: Offset
    /// Where the changelog ended when it was last looked at, open transactions included.
    public let end: Offset
    /// Whether another thread works on the task, and this is a copy.
    public let isStandby: Bool

    /// Records that are still to be read; those of open transactions, and markers, count.
    public var records: Int64 { max(0, end.value - position.value) }
}
