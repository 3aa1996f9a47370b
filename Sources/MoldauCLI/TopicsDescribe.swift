import ArgumentParser
import MoldauCluster
import MoldauLog
import MoldauRecords

/// `moldau topics describe`: prints partitions, settings, and the range of offsets held.
struct TopicsDescribe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Prints partitions, settings and offsets of topics.",
        discussion: """
            Settings are those that hold. '(default)' stands behind those that nobody gave: a topic without settings deletes \
            records after seven days. With --bootstrap-server those are printed that were given to the topic.
            """)

    @OptionGroup var place: ClusterPlace

    @Argument(help: "The topics; all if none is named.")
    var topics: [String] = []

    func run() throws {
        let output = LineOutput()
        try place.withCluster { cluster in
            let admin = try cluster.makeAdmin(clientID: "moldau")
            let consumer = try cluster.makeConsumer(clientID: "moldau")
            defer {
                consumer.close()
                admin.close()
            }
            for name in topics { _ = try admin.requireTopic(name) }
            for topic in try admin.topics() where topics.isEmpty || topics.contains(topic.name) {
                try describe(topic, consumer, output)
            }
            try output.flush()
        }
    }

    private func describe(_ topic: TopicDescription, _ consumer: any Consumer, _ output: LineOutput) throws {
        let partitions = (0..<topic.partitionCount).map { TopicPartition(topic.name, $0) }
        let bounds = try consumer.bounds(of: Set(partitions))
        let records = bounds.values.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
        try output.write("\(topic.name): partitions \(topic.partitionCount), offsets held \(records)")
        for line in try settings(of: topic) { try output.write("  \(line)") }
        for partition in partitions {
            guard let held = bounds[partition] else { continue }
            let (first, end) = (held.lowerBound, held.upperBound)
            try output.write("  partition \(partition.partition): offsets \(first) up to, not including, \(end)")
        }
    }

    /// `name=value` for each setting, sorted by name.
    private func settings(of topic: TopicDescription) throws -> [String] {
        guard place.isDirectory else {
            // What holds by default the brokers of another cluster decide.
            return topic.configuration.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }
        }
        let held: [String: String]
        do throws(LogError) {
            held = try LogConfiguration(topic.configuration).settings
        } catch {
            throw CommandFailure("a setting of '\(topic.name)' cannot be read: \(error)")
        }
        return held.merging(topic.configuration) { $1 }.sorted { $0.key < $1.key }.map { name, value in
            var notes = topic.configuration[name] == nil ? ["default"] : []
            if LogConfiguration.namesWithoutEffect.contains(name) { notes.append("no effect here") }
            if name == "retention.ms", held[name] != nil, let age = Self.age(value) {
                notes.append("deleted after \(age)")
            }
            return "\(name)=\(value)" + (notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))")
        }
    }

    /// Milliseconds in the largest unit that divides them; nil if the setting means no limit.
    private static func age(_ value: String) -> String? {
        guard let milliseconds = Int64(value), milliseconds >= 0 else { return nil }
        let units: [(Int64, String)] = [
            (86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second"),
        ]
        let (size, unit) =
            units.first { milliseconds >= $0.0 && milliseconds.isMultiple(of: $0.0) } ?? (1, "millisecond")
        return "\(milliseconds / size) \(unit)\(milliseconds == size ? "" : "s")"
    }
}
