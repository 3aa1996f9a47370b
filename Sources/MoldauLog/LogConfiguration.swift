/// The settings of one topic's logs, by Kafka's names and with Kafka's defaults.
package struct LogConfiguration: Equatable, Sendable {
    /// `segment.bytes`: a segment is closed before it would grow beyond this.
    package var segmentBytes = 1_073_741_824
    /// `segment.ms`: … and when a batch comes that is this much later than its first.
    package var segmentMs: Int64 = 7 * 24 * 3_600_000
    /// `index.interval.bytes`: batches between two index entries.
    package var indexIntervalBytes = 4_096
    /// `max.message.bytes`: the largest batch.
    package var maxMessageBytes = 1_048_588
    /// `retention.ms`: closed segments whose last record is older go; nil keeps them.
    package var retentionMs: Int64? = 7 * 24 * 3_600_000
    /// `retention.bytes`: oldest closed segments go while the log is larger; nil keeps them.
    package var retentionBytes: Int?
    /// `message.timestamp.type=LogAppendTime`: the broker's clock gives the timestamps.
    package var isLogAppendTime = false
    /// `cleanup.policy` names `delete`: only then does retention take anything.
    package var deletesOld = true
    package var sabotage: Sabotage = []

    package init() {}

    /// Reads what it knows of a topic's settings; others are left to others.
    /// - Throws: `LogError.invalidConfiguration`.
    package init(_ settings: [String: String]) throws(LogError) {
        for (key, value) in settings.sorted(by: { $0.key < $1.key }) {
            switch key {
            case "segment.bytes": segmentBytes = Int(try Self.number(key, value, 14...Int64(Int32.max)))
            case "segment.ms": segmentMs = try Self.number(key, value, 1...Int64.max)
            case "index.interval.bytes": indexIntervalBytes = Int(try Self.number(key, value, 0...Int64(Int32.max)))
            case "max.message.bytes": maxMessageBytes = Int(try Self.number(key, value, 0...Int64(Int32.max)))
            case "retention.ms":
                let limit = try Self.number(key, value, -1...Int64.max)
                retentionMs = limit < 0 ? nil : limit
            case "retention.bytes":
                let limit = try Self.number(key, value, -1...Int64.max)
                retentionBytes = limit < 0 ? nil : Int(limit)
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
            default: continue
            }
        }
    }

    private static func number(_ key: String, _ value: String, _ range: ClosedRange<Int64>) throws(LogError) -> Int64 {
        guard let number = Int64(value), range.contains(number) else {
            throw .invalidConfiguration(key: key, value: value)
        }
        return number
    }
}
