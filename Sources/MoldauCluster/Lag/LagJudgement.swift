/// What the last commits of a group say of its lag in a partition. The words are those of Burrow, a lag monitor for
/// Kafka. Ascending: the last one is the worst.
public enum LagJudgement: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// It keeps up: it has read everything at least once lately, or its lag has become smaller.
    case ok
    /// It reads, but more slowly than others write: its lag has never become smaller.
    case warning
    /// It has committed nothing for longer than its last commits took together.
    case stop
    /// It commits the same offset again and again, although there is more to read.
    case stall
    /// Its committed offset has gone back: records are read again.
    case rewind

    public static func < (left: LagJudgement, right: LagJudgement) -> Bool { left.severity < right.severity }

    private var severity: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
