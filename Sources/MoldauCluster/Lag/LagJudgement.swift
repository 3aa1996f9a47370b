/// The meaning of a group's last commits for its lag in a partition. The terms are those of Burrow, a lag monitor for
/// Kafka. Ascending: the last one is the worst.
public enum LagJudgement: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// It keeps up: it has recently read everything at least once, or its lag has decreased.
    case ok
    /// It reads, but more slowly than records are written: its lag has never decreased.
    case warning
    /// It has not committed for longer than its last commits took together.
    case stop
    /// It commits the same offset repeatedly, although there is more to read.
    case stall
    /// Its committed offset has gone back: records are read again.
    case rewind

    public static func < (left: LagJudgement, right: LagJudgement) -> Bool { left.severity < right.severity }

    private var severity: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
