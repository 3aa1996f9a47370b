import ArgumentParser
import MoldauClient
import MoldauRecords
import MoldauSettings

/// The options that say how to connect, and how clients work: settings by Kafka's names, from a file, one by one, or
/// from the environment.
struct ClientSettings: ParsableArguments {
    /// What variables of the environment begin with.
    static let prefix = "MOLDAU_CLIENT"

    @Option(help: "A file in Kafka's properties form that says how to connect: security.protocol, sasl.*, ssl.*.")
    var commandConfig: String?

    @Option(
        name: .customLong("command-property"),
        help: "A setting name=value, which counts more than the file's. May be repeated.")
    var properties: [String] = []

    init() {}

    /// The settings that these options would say.
    init(commandConfig: String?, properties: [String]) {
        (self.commandConfig, self.properties) = (commandConfig, properties)
    }

    /// What clients are set to.
    struct Read {
        var client: ClientOptions
        var admin = AdminOptions()
        var producer = ProducerOptions()
        var consumer = ConsumerOptions()
        /// By what the settings are for.
        var inForce: [String: [SettingsReader.InForce]] = [:]

        /// Whether somebody has said which brokers there are.
        var namesBrokers: Bool { inForce["client"]?.contains { $0.name == Read.servers && $0.origin != nil } ?? false }

        fileprivate static let servers = "bootstrap.servers"
    }

    /// The settings, with Kafka's defaults otherwise.
    /// - Parameter servers: counts more than what the settings say; nil where nothing was said elsewhere.
    /// - Throws: `CommandFailure` that names the setting that is unknown or impossible.
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

    /// Errors as sentences of commands.
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
