import MoldauRecords

/// The time of a stream thread's round, by two clocks.
///
/// The wall clock may be set forward and back by people and time servers, so it gives the time of day and nothing else.
/// Durations and deadlines use `uptime`, which only grows.
@usableFromInline package struct RoundTime: Sendable, Hashable {
    /// The wall clock's time.
    @usableFromInline package var wall: Timestamp
    /// Time since some moment that does not change while the process lives.
    @usableFromInline package var uptime: Duration

    /// The times of both clocks.
    @usableFromInline package init(_ wall: Timestamp, uptime: Duration) { (self.wall, self.uptime) = (wall, uptime) }

    /// For a wall clock that is never set: both clocks follow it.
    @usableFromInline package init(_ wall: Timestamp) { self.init(wall, uptime: .milliseconds(wall.ms)) }

    /// Advances both clocks.
    @usableFromInline package static func + (time: RoundTime, passed: Duration) -> RoundTime {
        RoundTime(time.wall + passed, uptime: time.uptime + passed)
    }
}
