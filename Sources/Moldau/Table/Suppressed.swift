import MoldauRecords
import MoldauState

/// Which changes of a table are emitted, and when: for `KTable.suppress`.
public struct Suppressed<Key>: Sendable {
    /// What happens when the held changes exceed the limits.
    public enum Overflow: Sendable {
        /// The changes that have waited longest are emitted early.
        case emitEarly
        /// The stream thread stops with `SuppressionError.full`.
        case stop
    }

    enum Wait: Sendable {
        case time(Duration)
        /// As long as the table's windows accept late records.
        case grace
    }

    let wait: Wait
    /// The time from which a change's wait is counted.
    let bufferTime: @Sendable (Key, Timestamp) -> Timestamp
    let dropsDeletions: Bool
    let maxRecords: Int
    let maxBytes: Int
    let overflow: Overflow

    /// Emits the last change of a key when stream time has advanced by `limit` since the first held change of the key.
    /// Stream time is that of the changes that arrive here.
    ///
    /// ```swift
    /// let rare = balances.suppress(.untilTimeLimit(.seconds(60)))
    /// // balances: ada@0=1, ada@10=2, bob@70=5
    /// // rare: ada@10=2
    /// ```
    /// - Parameters:
    ///   - maxRecords: the most keys with held changes.
    ///   - maxBytes: the size of their keys and values, counted as Kafka Streams does.
    ///   - limit: how long changes are held.
    ///   - overflow: what happens when `maxRecords` or `maxBytes` is exceeded.
    public static func untilTimeLimit(
        _ limit: Duration, maxRecords: Int = .max, maxBytes: Int = .max, whenFull overflow: Overflow = .emitEarly
    ) -> Suppressed {
        Suppressed(
            wait: .time(limit), bufferTime: { _, timestamp in timestamp }, dropsDeletions: false,
            maxRecords: maxRecords, maxBytes: maxBytes, overflow: overflow)
    }

    /// Emits only the final result of each window: when stream time has passed its end and the grace period of the
    /// table's windows. Windows that were deleted, such as sessions that were merged into others, emit nothing.
    ///
    /// When the limits are exceeded the stream thread stops, because results that are emitted early would not be final.
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

/// An error of a suppression that stops the stream thread.
public enum SuppressionError: Error, Equatable, CustomStringConvertible {
    /// The held changes exceed the limits, and must not be emitted early.
    case full(node: String, records: Int, maxRecords: Int, bytes: Int, maxBytes: Int)

    public var description: String {
        switch self {
        case .full(let node, let records, let maxRecords, let bytes, let maxBytes):
            "'\(node)' holds \(records) records of at most \(maxRecords), and \(bytes) bytes of at most \(maxBytes); "
                + "raise the limits, or choose a suppression that may emit changes early"
        }
    }
}
