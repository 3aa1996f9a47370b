import ArgumentParser
import MoldauLog

/// The `--set` options: a topic's settings.
struct TopicSettings: ParsableArguments {
    @Option(
        name: .customLong("set"), help: "A setting by Kafka's name, 'retention.ms=-1' for example. May be repeated.")
    var settings: [String] = []

    /// - Throws: `CommandFailure` if a setting does not exist: it would be stored without any effect. Which settings
    ///   the brokers of another cluster have they say themselves.
    func read(for place: ClusterPlace) throws -> [String: String] {
        let pairs = try settings.map { try NamedText($0, option: "--set") }
        for name in pairs.map(\.name) where place.isDirectory && !LogConfiguration.names.contains(name) {
            guard LogConfiguration.namesWithoutEffect.contains(name) else {
                throw CommandFailure(
                    "there is no setting '\(name)'; there are: \(LogConfiguration.names.sorted().joined(separator: ", "))"
                )
            }
            LineOutput.tell("'\(name)' is a setting of Kafka's that decides nothing here; it is kept")
        }
        return Dictionary(pairs.map { ($0.name, $0.text) }) { $1 }
    }
}
