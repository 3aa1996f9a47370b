import ArgumentParser
import MoldauClient
import MoldauRecords
import Signals

/// `moldau mirror`: copies topics from one cluster to another.
struct MirrorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mirror", abstract: "Copies topics from one cluster to another, continuously.",
        discussion: """
            Copies records with their partitions, keys, headers and timestamps, each exactly once, even if it is killed: its \
            progress is kept in the target, and is committed together with the copies. Topics keep their names and their \
            settings, and new ones are created. Groups that have no members in the target get their offsets there, so that \
            readers can switch over. Started again, it continues where it was; a second one with the same --name takes over \
            from the first. Do not mirror the same topics both ways: each copy would be copied back.

            The source is given by --source-bootstrap-server or --source-data, the target by the other options.
            """)

    @OptionGroup var target: ClusterPlace
    @OptionGroup(title: "Source") var source: MirrorSource

    @Option(help: "A regular expression that whole names of topics match.")
    var include: String

    @Option(help: "A regular expression of topics that are nevertheless not copied.")
    var exclude: String?

    @Option(help: "A regular expression of groups that get their offsets in the target.")
    var groups = ".*"

    @Option(help: "Distinguishes mirrors that have the same target.")
    var name = "mirror"

    @Option(help: "On how many brokers records of new topics are kept; without it the target's default.")
    var replicationFactor: Int16?

    @Option(help: "How often copies become readable, in milliseconds.")
    var commitIntervalMs = 1_000

    @Option(help: "How often topics, settings and offsets of groups are checked, in milliseconds.")
    var refreshIntervalMs = 30_000

    @Flag(help: "End once everything is copied that the source held at the start.")
    var untilEnd = false

    func validate() throws {
        for text in [include, exclude, groups].compactMap({ $0 }) where (try? Regex(text)) == nil {
            throw ValidationError("'\(text)' is not a regular expression")
        }
        if TopicName.objection(to: "moldau-mirror-\(name)") != nil {
            throw ValidationError("--name takes letters, digits, '.', '_' and '-', not '\(name)'")
        }
        if commitIntervalMs < 1 || refreshIntervalMs < 1 { throw ValidationError("intervals are at least 1") }
    }

    func run() throws {
        try source.place.withClient { source in
            try target.withClient(orCreate: true) { target in
                let mirror = try Mirror(from: source, to: target, options: options())
                defer { mirror.close() }
                let interruption = Interruption { [wake = mirror.wake] in wake() }
                try mirror.run { interruption.hasCome }
                let output = LineOutput()
                try output.write("copied \(mirror.count) \(mirror.count == 1 ? "record" : "records")")
                try output.flush()
            }
        }
    }

    private func options() throws -> MirrorOptions {
        MirrorOptions(
            name: "moldau-mirror-\(name)", include: try Regex(include), exclude: try exclude.map { try Regex($0) },
            groups: try Regex(groups), replicationFactor: replicationFactor,
            commitInterval: .milliseconds(commitIntervalMs), refreshInterval: .milliseconds(refreshIntervalMs),
            untilEnd: untilEnd)
    }
}

/// The options for the source cluster.
struct MirrorSource: ParsableArguments {
    @Option(name: .customLong("source-data"), help: "A data directory to copy from.")
    var path: String?

    @Option(
        name: .customLong("source-bootstrap-server"), help: "Brokers to copy from, HOST:PORT, separated by commas.")
    var bootstrapServer: String?

    @Option(
        name: .customLong("source-command-config"),
        help: "A file in Kafka's properties form that says how to connect to them.")
    var commandConfig: String?

    @Option(
        name: .customLong("source-command-property"),
        help: "A setting name=value, which takes precedence over the file's. May be repeated.")
    var properties: [String] = []

    func validate() throws {
        if (path == nil) == (bootstrapServer == nil) {
            throw ValidationError("give --source-bootstrap-server with HOST:PORT, or --source-data with a directory")
        }
    }

    var place: ClusterPlace {
        ClusterPlace(
            data: path, bootstrapServer: bootstrapServer,
            settings: ClientSettings(commandConfig: commandConfig, properties: properties))
    }
}

/// What is mirrored, and how.
struct MirrorOptions {
    /// The mirror's group and transactional id, and the name of the topic with its notes.
    let name: String
    let include: Regex<AnyRegexOutput>
    let exclude: Regex<AnyRegexOutput>?
    let groups: Regex<AnyRegexOutput>
    let replicationFactor: Int16?
    let commitInterval: Duration
    let refreshInterval: Duration
    let untilEnd: Bool

    /// The prefix of all mirrors' names.
    private static let prefix = "moldau-mirror-"

    func copies(topic name: String) -> Bool {
        if name.hasPrefix(Self.prefix) || name.hasPrefix("__") { return false }
        return name.wholeMatch(of: include) != nil && (exclude.map { name.wholeMatch(of: $0) == nil } ?? true)
    }

    func copies(group name: String) -> Bool { !name.hasPrefix(Self.prefix) && name.wholeMatch(of: groups) != nil }
}
