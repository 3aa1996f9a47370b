import MoldauRecords
import MoldauState

/// Which changes of a table go on, and when: for `KTable.suppress`.
public struct Suppressed<Key>: Sendable {
    /// What happens when the changes that wait are more than the limits allow.
    public enum Overflow: Sendable {
        /// Those that wait longest go on early.
        case emitEarly
        /// The stream thread stops with `SuppressionError.full`.
        case stop
    }

    enum Wait: Sendable {
        case time(Duration)
        /// As long as the table's windows take late records in.
        case grace
    }

    let wait: Wait
    /// The time that a change waits by.
    let bufferTime: @Sendable (Key, Timestamp) -> Timestamp
    let dropsDeletions: Bool
    let maxRecords: Int
    let maxBytes: Int
    let overflow: Overflow

    /// Lets the last change of a key go on when stream time has moved on by `limit` since its first one that waits. Stream time is that of
    /// the changes that come here.
    ///
    /// ```swift
    /// let rare = balances.suppress(.untilTimeLimit(.seconds(60)))
    /// // balances: ada@0=1, ada@10=2, bob@70=5
    /// // rare: ada@10=2
    /// ```
    /// - Parameters:
    ///   - maxRecords: how many keys may wait.
    ///   - maxBytes: how many bytes their keys and values may have, counted as Kafka Streams counts them.
    public static func untilTimeLimit(
        _ limit: Duration, maxRecords: Int = .max, maxBytes: Int = .max, whenFull overflow: Overflow = .emitEarly
    ) -> Suppressed {
        Suppressed(
            wait: .time(limit), bufferTime: { _, timestamp in timestamp }, dropsDeletions: false,
            maxRecords: maxRecords, maxBytes: maxBytes, overflow: overflow)
    }

    /// Lets only the final result of each window go on: when stream time has passed its end and the grace of the table's windows. Windows
    /// that were deleted, such as sessions that became part of others, send nothing.
    ///
    /// What does not fit stops the stream thread, as results that go on early would not be final.
    ///
    /// ```swift
    /// let counts = clicks.groupByKey().windowedBy(.sessions(gap: .seconds(30), grace: .zero)).count()
    ///     .suppress(.untilWindowCloses())
    /// // clicks: ada@10=/home, ada@20=/shop, ada@90=/home
    /// // counts: ada[10-20]=2
    /// ```
    public static func untilWindowCloses<Inner>(
        maxRecords: Int = .max, maxBytes: Int = .max
    ) -> Suppressed where Key == Windowed<Inner> {
        Suppressed(
            wait: .grace, bufferTime: { key, _ in key.window.end }, dropsDeletions: true, maxRecords: maxRecords,
            maxBytes: maxBytes, overflow: .stop)
    }
}

/// Why a suppression stops the stream thread.
public enum SuppressionError: Error, Equatable, CustomStringConvertible {
    /// More changes wait than the limits allow, and they may not go on early.
    case full(node: String, records: Int, maxRecords: Int, bytes: Int, maxBytes: Int)

    public var description: String {
        switch self {
        case .full(let node, let records, let maxRecords, let bytes, let maxBytes):
            "'\(node)' holds \(records) records of at most \(maxRecords), and \(bytes) bytes of at most \(maxBytes); "
                + "raise the limits, or let changes go on early where that is allowed"
        }
    }
}
