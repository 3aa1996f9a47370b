package import MoldauRecords

/// The settings of one topic's logs, by Kafka's names and with Kafka's defaults.
package struct LogConfiguration: Equatable, Sendable {
    /// `segment.bytes`: a segment is closed before it would grow beyond this.
    package var segmentBytes = 1_073_741_824
    /// `segment.ms`: … and before a batch that arrives this much later than its first.
    package var segmentMs: Int64 = 7 * 24 * 3_600_000
    /// `index.interval.bytes`: bytes of batches between two index entries.
    package var indexIntervalBytes = 4_096
    /// `max.message.bytes`: the size of the largest batch accepted.
    package var maxMessageBytes = 1_048_588
    /// `compression.type`: how batches are compressed in the log; nil (`producer`): as the producer sent them.
    package var compression: Compression?
    /// `message.timestamp.before.max.ms`: how far a record's timestamp may lie before its append.
    package var timestampBeforeMaxMs = Int64.max
    /// `message.timestamp.after.max.ms`: … and how far after it.
    package var timestampAfterMaxMs = Int64.max
    /// `retention.ms`: closed segments that are older are deleted; nil keeps them.
    package var retentionMs: Int64? = 7 * 24 * 3_600_000
    /// `retention.bytes`: the oldest closed segments are deleted while the log is larger; nil keeps them.
    package var retentionBytes: Int?
    /// `message.timestamp.type=LogAppendTime`: records get their timestamps from the broker's clock.
    package var isLogAppendTime = false
    /// `cleanup.policy` contains `delete`: without it retention deletes nothing.
    package var deletesOld = true
    /// `cleanup.policy` contains `compact`: only the last record of each key is retained.
    package var compacts = false
    /// `delete.retention.ms`: how long tombstones are retained after a compaction has first seen them.
    package var deleteRetentionMs: Int64 = 24 * 3_600_000
    /// `min.compaction.lag.ms`: segments with a record younger than this are not compacted.
    package var minCompactionLagMs: Int64 = 0
    /// `max.compaction.lag.ms`: a record older than this is compacted even if little else is dirty.
    package var maxCompactionLagMs = Int64.max
    /// `min.cleanable.dirty.ratio`: the minimum share of uncompacted bytes at which a compaction is worth its cost.
    package var minCleanableDirtyRatio = 0.5

    package init() {}

    /// Reads the known settings from a topic's settings; ignores the others.
    /// - Throws: `LogError.invalidConfiguration`.
    package init(_ settings: [String: String]) throws(LogError) {
        for (key, value) in settings.sorted(on: \.key) {
            switch key {
            case "segment.bytes": segmentBytes = Int(try Self.number(key, value, 14...Int64(Int32.max)))
            case "segment.ms": segmentMs = try Self.number(key, value, 1...Int64.max)
            case "index.interval.bytes": indexIntervalBytes = Int(try Self.number(key, value, 0...Int64(Int32.max)))
            case "max.message.bytes": maxMessageBytes = Int(try Self.number(key, value, 0...Int64(Int32.max)))
            case "compression.type": compression = try Self.compression(key, value)
            case "message.timestamp.before.max.ms": timestampBeforeMaxMs = try Self.number(key, value, 0...Int64.max)
            case "message.timestamp.after.max.ms": timestampAfterMaxMs = try Self.number(key, value, 0...Int64.max)
            case "retention.ms":
                let limit = try Self.number(key, value, -1...Int64.max)
                retentionMs = limit < 0 ? nil : limit
            case "retention.bytes":
                let limit = try Self.number(key, value, -1...Int64.max)
                retentionBytes = limit < 0 ? nil : Int(limit)
            case "delete.retention.ms": deleteRetentionMs = try Self.number(key, value, 0...Int64.max)
            case "min.compaction.lag.ms": minCompactionLagMs = try Self.number(key, value, 0...Int64.max)
            case "max.compaction.lag.ms": maxCompactionLagMs = try Self.number(key, value, 1...Int64.max)
            case "min.cleanable.dirty.ratio":
                guard let ratio = Double(value), (0...1).contains(ratio) else {
                    throw .invalidConfiguration(key: key, value: value)
                }
                minCleanableDirtyRatio = ratio
            case "message.timestamp.type":
                guard value == "CreateTime" || value == "LogAppendTime" else {
                    throw .invalidConfiguration(key: key, value: value)
                }
                isLogAppendTime = value == "LogAppendTime"
            case "cleanup.policy":
                let policies = value.split(separator: ",").map { $0.drop { $0 == " " } }
                guard !policies.isEmpty, policies.allSatisfy({ $0 == "delete" || $0 == "compact" }) else {
                    throw .invalidConfiguration(key: key, value: value)
                }
                deletesOld = policies.contains("delete")
                compacts = policies.contains("compact")
            default: continue
            }
        }
        if compacts { segmentMs = min(segmentMs, maxCompactionLagMs) }
    }

    private static func compression(_ key: String, _ value: String) throws(LogError) -> Compression? {
        if value == "producer" { return nil }
        if value == "uncompressed" { return Compression.none }
        guard let codec = Compression(name: value), codec != .none else {
            throw .invalidConfiguration(key: key, value: value)
        }
        return codec
    }

    private static func number(_ key: String, _ value: String, _ range: ClosedRange<Int64>) throws(LogError) -> Int64 {
        guard let number = Int64(value), range.contains(number) else {
            throw .invalidConfiguration(key: key, value: value)
        }
        return number
    }
}
