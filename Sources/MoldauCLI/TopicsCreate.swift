import ArgumentParser
import MoldauCluster
import MoldauLog

/// `moldau topics create`.
struct TopicsCreate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Creates a topic, and the data directory where there is none.")

    @OptionGroup var data: DataDirectory

    @Argument(help: "The topic's name.")
    var topic: String

    @Option(help: "How many partitions it has.")
    var partitions: Int32 = 1

    @Option(
        name: .customLong("set"), help: "A setting by Kafka's name, 'retention.ms=-1' for example. May be repeated.")
    var settings: [String] = []

    func validate() throws {
        if partitions < 1 { throw ValidationError("a topic has at least one partition, not \(partitions)") }
    }

    func run() throws {
        let pairs = try settings.map { try NamedText($0, option: "--set") }
        let configuration = Dictionary(pairs.map { ($0.name, $0.text) }) { $1 }
        try Self.check(configuration.keys.sorted())
        try data.withCluster(orCreate: true) { cluster in
            let admin = try cluster.makeAdmin(clientID: "moldau")
            defer { admin.close() }
            try admin.create([NewTopic(topic, partitionCount: partitions, configuration: configuration)])
        }
        let output = LineOutput()
        try output.write("created \(topic) with \(partitions) \(partitions == 1 ? "partition" : "partitions")")
        try output.flush()
    }

    /// A misspelt setting would be kept, and do nothing.
    private static func check(_ names: [String]) throws {
        for name in names where !LogConfiguration.names.contains(name) {
            guard LogConfiguration.namesWithoutEffect.contains(name) else {
                throw CommandFailure(
                    "there is no setting '\(name)'; there are: \(LogConfiguration.names.sorted().joined(separator: ", "))"
                )
            }
            LineOutput.tell("'\(name)' is a setting of Kafka's that decides nothing here; it is kept")
        }
    }
}
