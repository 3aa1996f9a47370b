import MoldauRecords
import MoldauTopology

/// How far apart in time records of two streams may be to be joined: the other record's time lies between `before` and
/// `after` of this record's, both included.
public struct JoinWindows: Sendable, Hashable {
    /// When the result of a record without a match goes out, in left and outer joins.
    public enum UnmatchedEmission: Sendable, Hashable {
        /// When its window is over: there is either this result or those with matches.
        case whenWindowCloses
        /// At once: results with matches may follow. What Kafka Streams' older `JoinWindows.of` does.
        case atOnce
    }

    /// How much earlier the other record may be. Negative: how much later it has to be at least.
    public var before: Duration
    /// How much later the other record may be. Negative: how much earlier it has to be at least.
    public var after: Duration
    /// How much longer records that come out of order are waited for.
    public var grace: Duration
    /// When records without a match are sent.
    public var unmatched: UnmatchedEmission

    /// - Parameter grace: results of left and outer joins wait that much longer, and stores keep records for it.
    public init(
        before: Duration, after: Duration, grace: Duration, unmatched: UnmatchedEmission = .whenWindowCloses
    ) {
        (self.before, self.after, self.grace, self.unmatched) = (before, after, grace, unmatched)
    }

    /// Records that are at most that far apart, whichever comes first.
    public init(difference: Duration, grace: Duration, unmatched: UnmatchedEmission = .whenWindowCloses) {
        self.init(before: difference, after: difference, grace: grace, unmatched: unmatched)
    }

    /// How long a window is.
    public var size: Duration { .milliseconds(before.milliseconds.addingCapped(after.milliseconds)) }

    /// How long a record may still meet others.
    var retention: Duration { .milliseconds(size.milliseconds.addingCapped(grace.milliseconds)) }

    func check() throws {
        func refuse(_ reason: String) throws { throw TopologyError.invalidSetting(name: "JoinWindows", reason: reason) }
        if size < .zero { try refuse("the end of the window lies before its start") }
        if grace < .zero { try refuse("the grace period is negative") }
    }
}
