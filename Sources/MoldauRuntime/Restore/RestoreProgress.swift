import MoldauRecords

/// The progress of restoring one store.
public struct RestoreProgress: Sendable, Equatable {
    /// The phase of a restore.
    public enum Phase: Sendable, Equatable {
        /// Reading the changelog begins.
        case started
        /// More records were applied, and some are left.
        case progressed
        /// The store is up to date.
        case finished
    }

    /// The phase that has been reached.
    public let phase: Phase
    /// The name of the store.
    public let store: String
    /// The changelog partition that is read.
    public let changelog: TopicPartition
    /// The store's offset when the restore began.
    public let from: Offset
    /// The end of the changelog at that time.
    public let to: Offset
    /// The store's offset now. Offsets include markers and compacted records, so it may advance faster than
    /// `restoredCount`.
    public let position: Offset
    /// How many records have been applied so far.
    public let restoredCount: Int64
    /// The time since the restore of this store began.
    public let elapsed: Duration
    /// Why the store is rebuilt from the beginning although it had data; nil if it continues from its own offset.
    public let rebuiltBecause: String?

    /// 0 if no time was measured.
    public var recordsPerSecond: Int64 {
        elapsed.milliseconds > 0 ? restoredCount * 1_000 / elapsed.milliseconds : 0
    }

    /// An estimate of the remaining time, at the same speed; nil if unknown.
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
    /// The name of the store.
    public let store: String
    /// The changelog partition that is read.
    public let changelog: TopicPartition
    /// The next record to read.
    public let position: Offset
    /// The end of the changelog when it was last checked, open transactions included.
    public let end: Offset
    /// Whether this is a copy of a task that another thread works on.
    public let isStandby: Bool

    /// The number of records still to be read, including markers and those of open transactions.
    public var records: Int64 { position.lag(behind: end) }
}
