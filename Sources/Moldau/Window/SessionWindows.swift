import MoldauRecords
import MoldauTopology

/// Windows of activity: records of a key belong to the same session as long as the gap between them is not exceeded.
/// Both ends are inclusive; a record between two sessions merges them.
///
/// Zero or negative gaps are errors when the topology is built.
public struct SessionWindows: Sendable {
    let gapMs: Int64
    let graceMs: Int64

    ///
    /// ```swift
    /// let visits = clicks.groupByKey().windowedBy(.sessions(gap: .seconds(30), grace: .seconds(10)))
    ///     .count().filter { _, count in count > 1 }
    /// // clicks: ada@0=/home, ada@30=/shop, ada@61=/home
    /// // visits: ada[0-30]=2
    /// ```
    /// - Parameters:
    ///   - gap: the longest time without a record within a session.
    ///   - grace: how long after the end of a session's last gap, in stream time, late records still count.
    public static func sessions(gap: Duration, grace: Duration) -> SessionWindows {
        SessionWindows(gapMs: gap.milliseconds, graceMs: grace.milliseconds)
    }

    /// The time from the end of a session until it closes.
    var closingMs: Int64 { gapMs.addingCapped(graceMs) }

    /// - Throws: `TopologyError.invalidSetting` if the gap is less than 1 ms or the grace period is negative.
    func check() throws {
        if gapMs < 1 {
            throw TopologyError.invalidSetting(
                name: "windowedBy", reason: "the gap between sessions is \(gapMs) ms; it must be at least 1 ms")
        }
        if graceMs < 0 {
            throw TopologyError.invalidSetting(
                name: "windowedBy", reason: "the grace is \(graceMs) ms; it must not be negative")
        }
    }

    /// - Throws: `TopologyError.invalidSetting` if sessions would expire before they close.
    func check(retention: Duration, store: String) throws {
        guard retention.milliseconds < closingMs else { return }
        throw TopologyError.invalidSetting(
            name: store,
            reason: "the retention is \(retention.milliseconds) ms; sessions with a gap of \(gapMs) ms and a grace of "
                + "\(graceMs) ms need the sum of both: at least \(closingMs) ms")
    }
}
