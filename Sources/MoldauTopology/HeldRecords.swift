import MoldauRecords
import MoldauState

/// What a node holds back, and what it waits for.
package struct HeldRecords: Sendable {
    /// What is waited for.
    package enum Wait: String, Sendable {
        /// Windows or sessions whose result is emitted when they close.
        case windowClose
        /// The changes of a suppression.
        case suppression
        /// Records of a left or outer join: a match may still come.
        case match
        /// Records of a stream that wait for late rows of a versioned table.
        case lateRows
        /// Results of asynchronous closures.
        case results
        /// Changes of which the last per key is forwarded at a commit.
        case commit
    }

    /// The largest count, where counting means reading the rows.
    package static let countLimit: Int64 = 1_000

    package let wait: Wait
    /// How many are held: windows, rows or records.
    package var count: Int64
    /// The node's stream time; `.none` if it has none of its own.
    package var streamTime = Timestamp.none
    /// When the first of them is released, in stream time; nil if stream time does not decide.
    package var due: Timestamp?
    /// Since when the oldest has waited, by the monotonic clock; nil if that is not known.
    package var since: Duration?

    package init(
        _ wait: Wait, count: Int64, streamTime: Timestamp = .none, due: Timestamp? = nil, since: Duration? = nil
    ) {
        (self.wait, self.count, self.streamTime, self.due, self.since) = (wait, count, streamTime, due, since)
    }

    /// Counts the rows of a store, up to the limit; nil if there are none.
    /// - Parameter due: when the row of this key is released.
    package init?<Key, Row>(
        _ wait: Wait, _ rows: StoreIterator<Key, Row>, streamTime: Timestamp, due: (Key) -> Timestamp
    ) throws {
        self.init(wait, count: 0, streamTime: streamTime)
        while count < Self.countLimit, let (key, _) = try rows.next() {
            let time = due(key)
            self.due = self.due.map { min($0, time) } ?? time
            count += 1
        }
        if count == 0 { return nil }
    }
}
