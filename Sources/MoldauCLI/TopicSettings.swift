import ArgumentParser
import MoldauLog
import MoldauRecords

/// The `--set` options: a topic's settings.
struct TopicSettings: ParsableArguments {
    @Option(
        name: .customLong("set"), help: "A setting by Kafka's name, 'retention.ms=-1' for example. May be repeated.")
    var settings: [String] = []

    func read(for place: ClusterPlace) throws -> [String: String] {
        let pairs = try settings.map { try NamedText($0, option: "--set") }
        try Self.check(pairs.map(\.name), for: place)
        return Dictionary(pairs.map { ($0.name, $0.text) }) { $1 }
    }

    /// - Throws: `CommandFailure` for an unknown topic setting. For a running cluster nothing is checked here: its
    ///   brokers know their own settings.
    static func check(_ names: [String], for place: ClusterPlace) throws {
        for name in names where place.isDirectory && !LogConfiguration.names.contains(name) {
            guard LogConfiguration.namesWithoutEffect.contains(name) else {
                let known = LogConfiguration.names.sorted()
                throw CommandFailure(
                    "there is no setting '\(name)'; the nearest is '\(known.nearest(to: name) ?? "")'; there are: "
                        + known.joined(separator: ", "))
            }
            LineOutput.tell("'\(name)' is a setting of Kafka's that has no effect here; it is kept")
        }
    }
}
