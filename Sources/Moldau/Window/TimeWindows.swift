import MoldauRecords
import MoldauState
import MoldauTopology

/// How time is divided into windows, and how long after a window's end (the grace period, in stream time) late records
/// still count.
///
/// Zero or negative sizes are errors when the topology is built.
public struct TimeWindows: Sendable {
    @usableFromInline enum Shape: Sendable {
        case aligned(advanceMs: Int64)
        case sliding
        case unlimited(start: Timestamp)
        case custom(@Sendable (Timestamp) -> [Window])
    }

    @usableFromInline let shape: Shape
    @inlinable var isSliding: Bool { if case .sliding = shape { true } else { false } }
    /// The size of each window; for sliding windows the greatest difference between two records.
    @usableFromInline let sizeMs: Int64
    @usableFromInline let graceMs: Int64

    /// Adjacent windows of one size, aligned with 1970-01-01T00:00Z: each record is in exactly one. The end is
    /// exclusive.
    ///
    /// ```swift
    /// let counts = clicks.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero)).count()
    /// // clicks: ada@59=/home, ada@60=/home
    /// // counts: ada[0-60]=1, ada[60-120]=1
    /// ```
    public static func tumbling(_ size: Duration, grace: Duration) -> TimeWindows {
        hopping(size, every: size, grace: grace)
    }

    /// Windows of one size that start every `advance`, aligned with 1970-01-01T00:00Z: if `advance` is less than the
    /// size they overlap, and a record is in several. The end is exclusive.
    ///
    /// ```swift
    /// let counts = clicks.groupByKey().windowedBy(.hopping(.seconds(60), every: .seconds(30), grace: .zero)).count()
    /// // clicks: ada@70=/home
    /// // counts: ada[30-90]=1, ada[60-120]=1
    /// ```
    /// - Parameter advance: at most the size.
    /// - Parameter size: the length of each window.
    /// - Parameter grace: how much longer late records are accepted.
    public static func hopping(_ size: Duration, every advance: Duration, grace: Duration) -> TimeWindows {
        TimeWindows(
            shape: .aligned(advanceMs: advance.milliseconds), sizeMs: size.milliseconds, graceMs: grace.milliseconds)
    }

    /// Windows of records that are at most `difference` apart: one for each distinct set of such records of a key. Both
    /// ends are inclusive. Records without a value are dropped (counted).
    ///
    /// ```swift
    /// let counts = clicks.groupByKey().windowedBy(.sliding(.seconds(10), grace: .zero)).count()
    /// // clicks: ada@20=/home, ada@25=/shop
    /// // counts: ada[10-20]=1, ada[20-30]=1, ada[15-25]=2
    /// ```
    public static func sliding(_ difference: Duration, grace: Duration) -> TimeWindows {
        TimeWindows(shape: .sliding, sizeMs: difference.milliseconds, graceMs: grace.milliseconds)
    }

    /// How the application encodes keys of these windows. In Kafka Streams' bytes a key has the start only, if all
    /// windows have the same size; custom windows are encoded as sessions are, with both.
    func keySerde<Key>(of key: Serde<Key>) -> Serde<Windowed<Key>> {
        if case .custom = shape { return Windowed.sessionSerde(of: key) }
        return Windowed.serde(of: key, size: .milliseconds(sizeMs))
    }

    /// How long state must be retained.
    var minimumRetentionMs: Int64 {
        (isSliding ? sizeMs.addingCapped(sizeMs) : sizeMs).addingCapped(graceMs)
    }

    /// Calls `body` with each window that contains a time, in ascending order, until it returns false.
    @inlinable func forEach(at time: Timestamp, _ body: (Window) throws -> Bool) rethrows {
        switch shape {
        case .aligned(let advanceMs):
            var start = max(0, time.subtracting(ms: sizeMs).adding(ms: advanceMs).ms) / advanceMs * advanceMs
            while start <= time.ms, try body(Window(start: Timestamp(ms: start), sizeMs: sizeMs)) {
                let (next, overflow) = start.addingReportingOverflow(advanceMs)
                if overflow { return }
                start = next
            }
        case .unlimited(let start):
            if time >= start { _ = try body(Window(start: start, end: Timestamp(ms: .max))) }
        case .custom(let windows):
            for window in windows(time) { guard try body(window) else { return } }
        case .sliding: preconditionFailure("sliding windows are determined by the records")
        }
    }

    /// - Throws: `TopologyError.invalidSetting` if a size is not valid.
    func check() throws {
        func refuse(_ reason: String) -> TopologyError { .invalidSetting(name: "windowedBy", reason: reason) }
        if isSliding {
            if sizeMs < 0 { throw refuse("the time difference is \(sizeMs) ms; it must not be negative") }
        } else if sizeMs < 1 {
            throw refuse("the size of the windows is \(sizeMs) ms; it must be at least 1 ms")
        }
        if case .aligned(let advanceMs) = shape, advanceMs < 1 || advanceMs > sizeMs {
            throw refuse("windows of \(sizeMs) ms cannot advance by \(advanceMs) ms; choose 1 to \(sizeMs) ms")
        }
        if case .unlimited(let start) = shape, start.ms < 0 { throw refuse("the start is \(start) ms, before 1970") }
        if graceMs < 0 { throw refuse("the grace is \(graceMs) ms; it must not be negative") }
    }

    /// - Throws: `TopologyError.invalidSetting` if windows would expire before they close.
    func check(retention: Duration, store: String) throws {
        guard retention.milliseconds < minimumRetentionMs else { return }
        throw TopologyError.invalidSetting(
            name: store,
            reason: "the retention is \(retention.milliseconds) ms; "
                + (isSliding
                    ? "sliding windows of \(sizeMs) ms difference need twice that and their grace of \(graceMs) ms"
                    : "windows of \(sizeMs) ms with a grace of \(graceMs) ms need the sum of both")
                + ": at least \(minimumRetentionMs) ms")
    }
}
