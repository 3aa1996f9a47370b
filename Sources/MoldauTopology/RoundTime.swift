import MoldauRecords

/// When a round of a stream thread takes place, by two clocks.
///
/// People and time servers set the wall clock, forward and back: it says what time it is, and nothing else. How long something
/// takes, and what is due, goes by `uptime`, which only grows.
public struct RoundTime: Sendable, Hashable {
    public var wall: Timestamp
    /// Since some moment that stays the same while the process lives.
    public var uptime: Duration

    public init(_ wall: Timestamp, uptime: Duration) { (self.wall, self.uptime) = (wall, uptime) }

    /// For a wall clock that nobody sets: both go by it.
    public init(_ wall: Timestamp) { self.init(wall, uptime: .milliseconds(wall.ms)) }

    /// Both clocks go on by that.
    public static func + (time: RoundTime, passed: Duration) -> RoundTime {
        RoundTime(time.wall + passed, uptime: time.uptime + passed)
    }
}
