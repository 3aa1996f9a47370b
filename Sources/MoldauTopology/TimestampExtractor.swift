import MoldauRecords

/// Determines the time of a source's records. Without one it is the record's own timestamp, and records with a negative
/// timestamp are dropped (counted).
public enum TimestampExtractor<Key, Value>: Sendable {
    /// `partitionTime` is the greatest time seen in the partition so far, `.none` before the first record.
    public typealias Extract = (_ record: Record<Key, Value>, _ partitionTime: Timestamp) throws -> Timestamp

    /// The wall clock at the time the record becomes the next of its partition, as the stream thread read it for this
    /// round.
    case wallClock
    /// The record's own timestamp; if that is negative, the partition's time. If that is not known yet, the
    /// deserialization handler is asked: by default the thread stops.
    case partitionTimeIfNegative
    /// The record's own timestamp; if that is negative, the deserialization handler is asked: by default the thread
    /// stops.
    case failIfNegative
    /// The result of a closure. A negative time drops the record (counted); if the closure throws, the deserialization
    /// handler is asked.
    case custom(@Sendable (_ record: Record<Key, Value>, _ partitionTime: Timestamp) throws -> Timestamp)

    /// The function that a source calls.
    @usableFromInline package func extract(in context: NodeContext) -> Extract {
        switch self {
        case .wallClock:
            let task = context.task
            return { _, _ in task.now }
        case .partitionTimeIfNegative:
            return { record, partitionTime in
                try record.timestamp.ms >= 0 ? record.timestamp : partitionTime.checked(of: record)
            }
        case .failIfNegative: return { record, _ in try record.timestamp.checked(of: record) }
        case .custom(let extract): return extract
        }
    }
}

/// A record has no timestamp that its source could use.
public struct NegativeTimestamp: Error, Equatable, CustomStringConvertible {
    /// The record's own timestamp.
    public let timestamp: Timestamp

    /// The error for a record whose own timestamp is this one.
    package init(timestamp: Timestamp) { self.timestamp = timestamp }

    public var description: String {
        "the record's timestamp is \(timestamp); use a timestamp extractor that handles such records"
    }
}

extension Timestamp {
    fileprivate func checked<Key, Value>(of record: Record<Key, Value>) throws(NegativeTimestamp) -> Timestamp {
        guard ms >= 0 else { throw NegativeTimestamp(timestamp: record.timestamp) }
        return self
    }
}
