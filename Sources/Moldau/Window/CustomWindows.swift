import MoldauRecords
import MoldauState

/// Windows whose ends are not known from a size alone. Aggregates of them are emitted on every change: `windowedBy`
/// has no `emit` for them.
public struct CustomWindows: Sendable {
    let windows: TimeWindows

    /// Windows chosen by a function.
    ///
    /// ```swift
    /// let edges: [Int64] = [0, 10, 100]
    /// let windows = CustomWindows(size: .seconds(90), grace: .zero) { time in
    ///     zip(edges, edges.dropFirst())
    ///         .map { Window(start: Timestamp(ms: $0 * 1_000), end: Timestamp(ms: $1 * 1_000)) }
    ///         .filter { $0.start <= time && time < $0.end }
    /// }
    /// let counts = clicks.groupByKey().windowedBy(windows).count()
    /// // clicks: ada@5=/home, ada@50=/home
    /// // counts: ada[0-10]=1, ada[10-100]=1
    /// ```
    /// Windows may have different lengths, like the days of a time zone. Where the application itself stores their
    /// keys, as in a suppression, these keep their ends; in a topic `Windowed.serde(size:)` does not keep them,
    /// `Windowed.sessionSerde()` does.
    /// - Parameters:
    ///   - size: the length of the longest window: state is kept for this long, plus the grace period.
    ///   - grace: how much longer late records are accepted.
    ///   - windows: returns the windows that contain a time, in ascending order; ends are exclusive. Must be pure.
    public init(size: Duration, grace: Duration, _ windows: @escaping @Sendable (Timestamp) -> [Window]) {
        self.windows = TimeWindows(
            shape: .custom(windows), sizeMs: size.milliseconds, graceMs: grace.milliseconds)
    }

    /// One window without end that starts at `start`. Records before it are in no window and are dropped (counted).
    ///
    /// ```swift
    /// let counts = clicks.groupByKey().windowedBy(.unlimited(from: Timestamp(ms: 60_000))).count()
    ///     .toStream { windowed, _ in windowed.key }
    /// // clicks: ada@10=/home, ada@70=/home, ada@1000=/home
    /// // counts: ada=1, ada=2
    /// ```
    public static func unlimited(from start: Timestamp = Timestamp(ms: 0)) -> CustomWindows {
        CustomWindows(windows: TimeWindows(shape: .unlimited(start: start), sizeMs: .max, graceMs: 0))
    }

    private init(windows: TimeWindows) { self.windows = windows }
}
