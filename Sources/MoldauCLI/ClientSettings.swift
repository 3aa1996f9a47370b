import ArgumentParser
import MoldauClient
import MoldauRecords
import MoldauSettings

/// The options for how to connect and how clients work: settings by Kafka's names, from a file, one by one, or from the
/// environment.
struct ClientSettings: ParsableArguments {
    /// The prefix of environment variables.
    static let prefix = "MOLDAU_CLIENT"

    @Option(help: "A file in Kafka's properties form that says how to connect: security.protocol, sasl.*, ssl.*.")
    var commandConfig: String?

    @Option(
        name: .customLong("command-property"),
        help: "A setting name=value, which takes precedence over the file's. May be repeated.")
    var properties: [String] = []

    init() {}

    /// The settings that these options would give.
    init(commandConfig: String?, properties: [String]) {
        (self.commandConfig, self.properties) = (commandConfig, properties)
    }

    /// The clients' settings, as read.
    struct Read {
        var client: ClientOptions
        var admin = AdminOptions()
        var producer = ProducerOptions()
        var consumer = ConsumerOptions()
        /// By the kind of client that the settings are for.
        var inForce: [String: [SettingsReader.InForce]] = [:]

        /// Whether any source names brokers.
        var namesBrokers: Bool { inForce["client"]?.contains { $0.name == Read.servers && $0.origin != nil } ?? false }

        fileprivate static let servers = "bootstrap.servers"
    }

    /// The settings, with Kafka's defaults for the rest.
    /// - Parameter servers: overrides the settings; nil if the brokers were not given on the command line.
    /// - Throws: `CommandFailure` that names the unknown or invalid setting.
    func read(servers: String?) throws -> Read {
        try Self.translating {
            var read = Read(client: ClientOptions(bootstrapServers: []))
            try SettingsReader.read(try sources(servers)) { reader in
                read.inForce["client"] = try reader.fill(&read.client)
                read.inForce["admin"] = try reader.fill(&read.admin)
                read.inForce["producer"] = try reader.fill(&read.producer)
                read.inForce["consumer"] = try reader.fill(&read.consumer)
            }
            return read
        }
    }

    private func sources(_ servers: String?) throws -> [SettingsSource] {
        var sources: [SettingsSource] = []
        if let servers { sources.append(.values([Read.servers: servers], origin: "command line")) }
        let pairs = try properties.map { try NamedText($0, option: "--command-property") }
        sources.append(
            .values(Dictionary(pairs.map { ($0.name, $0.text) }) { $1 }, origin: "--command-property"))
        sources.append(.environment(prefix: Self.prefix))
        if let commandConfig { sources.append(try .properties(file: commandConfig)) }
        return sources
    }

    /// Converts errors to `CommandFailure`.
    static func translating<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as SettingError {
            throw CommandFailure("\(error)")
        } catch let error as ClientError {
            throw CommandFailure("\(error)")
        }
    }
}
