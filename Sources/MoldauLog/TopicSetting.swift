internal import MoldauRecords

/// A topic setting that Kafka defines: its name, its default, and the values that it accepts. Those that
/// `LogConfiguration` does not read have no effect here: they are only stored, and reported to clients.
package struct TopicSetting: Sendable {
    /// The types of values, by their numbers in Kafka's protocol.
    package enum Kind: Int8, Sendable {
        case boolean = 1
        case string, int, short, long, double, list
    }

    package let name: String
    package let kind: Kind
    /// The value for a topic without its own.
    package let defaultValue: String
    /// The broker's setting that provides the default; nil if there are several, or none.
    package let brokerName: String?
    private let least: Double?
    private let most: Double?
    /// The only valid values, of the whole setting or of each element in a list.
    private let choices: [String]

    private init(
        _ name: String, _ kind: Kind, _ defaultValue: String, _ brokerName: String? = nil, least: Double? = nil,
        most: Double? = nil, choices: [String] = []
    ) {
        self.name = name
        self.kind = kind
        self.defaultValue = defaultValue
        self.brokerName = brokerName
        self.least = least
        self.most = most
        self.choices = choices
    }

    /// All settings, by name.
    package static let all: [String: TopicSetting] = Dictionary(uniqueKeysWithValues: table.map { ($0.name, $0) })

    /// The reason why a topic cannot have these settings, in Kafka's words; nil if it can.
    package static func objection(to settings: [String: String]) -> String? {
        for (name, value) in settings.sorted(on: \.key) {
            guard let setting = all[name] else { return "Unknown topic config name: \(name)" }
            if let reason = setting.objection(to: value) {
                return "Invalid value \(value) for configuration \(name): \(reason)"
            }
        }
        return nil
    }

    private func objection(to value: String) -> String? {
        switch kind {
        case .boolean:
            return ["true", "false"].contains(value.lowercased()) ? nil : "Expected value to be either true or false"
        case .int: return objection(to: Int32(value).map(Double.init), "INT")
        case .short: return objection(to: Int16(value).map(Double.init), "SHORT")
        case .long: return objection(to: Int64(value).map(Double.init), "LONG")
        case .double: return objection(to: Double(value), "DOUBLE")
        case .string: return objection(to: [value])
        case .list: return objection(to: Self.elements(of: value))
        }
    }

    private func objection(to number: Double?, _ type: String) -> String? {
        guard let number, number.isFinite else { return "Not a number of type \(type)" }
        if let least, number < least { return "Value must be at least \(Self.text(least))" }
        if let most, number > most { return "Value must be no more than \(Self.text(most))" }
        return nil
    }

    private func objection(to values: [String]) -> String? {
        if choices.isEmpty || values.allSatisfy(choices.contains) && !values.isEmpty { return nil }
        return "String must be one of: \(choices.joined(separator: ", "))"
    }

    private static func text(_ number: Double) -> String { "\(Int64(number))" }

    /// The elements of a list.
    package static func elements(of list: String) -> [String] {
        list.split(separator: ",").map { element in
            String(element.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }

    private static let longest = "\(Int64.max)"

    private static let table: [TopicSetting] = [
        TopicSetting("cleanup.policy", .list, "delete", "log.cleanup.policy", choices: ["compact", "delete"]),
        TopicSetting("compression.gzip.level", .int, "-1", "compression.gzip.level", least: -1, most: 9),
        TopicSetting("compression.lz4.level", .int, "9", "compression.lz4.level", least: 1, most: 17),
        TopicSetting(
            "compression.type", .string, "producer", "compression.type",
            choices: ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
        TopicSetting("compression.zstd.level", .int, "3", "compression.zstd.level", least: -131_072, most: 22),
        TopicSetting("delete.retention.ms", .long, "86400000", "log.cleaner.delete.retention.ms", least: 0),
        TopicSetting("file.delete.delay.ms", .long, "60000", "log.segment.delete.delay.ms", least: 0),
        TopicSetting("flush.messages", .long, longest, "log.flush.interval.messages", least: 1),
        TopicSetting("flush.ms", .long, longest, least: 0),
        TopicSetting("follower.replication.throttled.replicas", .list, ""),
        TopicSetting("index.interval.bytes", .int, "4096", "log.index.interval.bytes", least: 0),
        TopicSetting("leader.replication.throttled.replicas", .list, ""),
        TopicSetting("local.retention.bytes", .long, "-2", "log.local.retention.bytes", least: -2),
        TopicSetting("local.retention.ms", .long, "-2", "log.local.retention.ms", least: -2),
        TopicSetting("max.compaction.lag.ms", .long, longest, "log.cleaner.max.compaction.lag.ms", least: 1),
        TopicSetting("max.message.bytes", .int, "1048588", "message.max.bytes", least: 0),
        TopicSetting("message.downconversion.enable", .boolean, "true", "log.message.downconversion.enable"),
        TopicSetting("message.format.version", .string, "3.0-IV1", "log.message.format.version"),
        TopicSetting("message.timestamp.after.max.ms", .long, longest, "log.message.timestamp.after.max.ms", least: 0),
        TopicSetting(
            "message.timestamp.before.max.ms", .long, longest, "log.message.timestamp.before.max.ms", least: 0),
        TopicSetting(
            "message.timestamp.difference.max.ms", .long, longest, "log.message.timestamp.difference.max.ms", least: 0),
        TopicSetting(
            "message.timestamp.type", .string, "CreateTime", "log.message.timestamp.type",
            choices: ["CreateTime", "LogAppendTime"]),
        TopicSetting(
            "min.cleanable.dirty.ratio", .double, "0.5", "log.cleaner.min.cleanable.ratio", least: 0, most: 1),
        TopicSetting("min.compaction.lag.ms", .long, "0", "log.cleaner.min.compaction.lag.ms", least: 0),
        TopicSetting("min.insync.replicas", .int, "1", "min.insync.replicas", least: 1),
        TopicSetting("preallocate", .boolean, "false", "log.preallocate"),
        TopicSetting("remote.log.copy.disable", .boolean, "false"),
        TopicSetting("remote.log.delete.on.disable", .boolean, "false"),
        TopicSetting("remote.storage.enable", .boolean, "false"),
        TopicSetting("retention.bytes", .long, "-1", "log.retention.bytes", least: -1),
        TopicSetting("retention.ms", .long, "604800000", least: -1),
        TopicSetting("segment.bytes", .int, "1073741824", "log.segment.bytes", least: 14),
        TopicSetting("segment.index.bytes", .int, "10485760", "log.index.size.max.bytes", least: 4),
        TopicSetting("segment.jitter.ms", .long, "0", least: 0),
        TopicSetting("segment.ms", .long, "604800000", least: 1),
        TopicSetting(
            "unclean.leader.election.enable", .boolean, "false", "unclean.leader.election.enable"),
    ]
}
