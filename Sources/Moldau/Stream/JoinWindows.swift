import MoldauRecords
import MoldauTopology

/// How far apart the records of two streams may be in time to be joined: the other record's time is at most `before`
/// before and `after` after this record's, both inclusive.
public struct JoinWindows: Sendable, Hashable {
    /// When the result of a record without a match is emitted, in left and outer joins.
    public enum UnmatchedEmission: Sendable, Hashable {
        /// When its window is over: there is either this result or those with matches.
        case whenWindowCloses
        /// At once: results with matches may follow, as with Kafka Streams' older `JoinWindows.of`.
        case atOnce
    }

    /// How much earlier the other record may be. If negative: how much later it must be at least.
    public var before: Duration
    /// How much later the other record may be. If negative: how much earlier it must be at least.
    public var after: Duration
    /// How much longer to wait for out-of-order records.
    public var grace: Duration
    /// When results of records without a match are emitted, in left and outer joins.
    public var unmatched: UnmatchedEmission

    /// - Parameter grace: results of left and outer joins wait that much longer, and stores retain records for it.
    /// - Parameter before: how much earlier the other record may be.
    /// - Parameter after: how much later the other record may be.
    /// - Parameter unmatched: when the results of records without a match are emitted.
    public init(
        before: Duration, after: Duration, grace: Duration, unmatched: UnmatchedEmission = .whenWindowCloses
    ) {
        (self.before, self.after, self.grace, self.unmatched) = (before, after, grace, unmatched)
    }

    /// Joins records that are at most this far apart, in either order.
    public init(difference: Duration, grace: Duration, unmatched: UnmatchedEmission = .whenWindowCloses) {
        self.init(before: difference, after: difference, grace: grace, unmatched: unmatched)
    }

    /// The length of a window.
    public var size: Duration { .milliseconds(before.milliseconds.addingCapped(after.milliseconds)) }

    /// How long a record may still match others.
    var retention: Duration { .milliseconds(size.milliseconds.addingCapped(grace.milliseconds)) }

    func check() throws {
        func refuse(_ reason: String) throws { throw TopologyError.invalidSetting(name: "JoinWindows", reason: reason) }
        if size < .zero { try refuse("the end of the window lies before its start") }
        if grace < .zero { try refuse("the grace period is negative") }
    }
}
