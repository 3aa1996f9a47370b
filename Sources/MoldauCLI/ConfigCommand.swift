import ArgumentParser
import MoldauRecords
import MoldauSettings

/// `moldau config`: shows the settings that clients and brokers would use, and where each came from.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Prints which settings are in force, and where they came from.",
        discussion: """
            Shows the settings of this program's clients, or of a broker that it would run. What comes first takes \
            precedence: options, environment variables (MOLDAU_CLIENT_REQUEST_TIMEOUT_MS, MOLDAU_BROKER_NUM_PARTITIONS), a \
            file, the default. 'moldau configs' prints the settings of topics and of running brokers.
            """,
        subcommands: [ConfigClient.self, ConfigBroker.self])
}

/// `moldau config client`.
struct ConfigClient: ParsableCommand {
    /// The kind of client.
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case client, admin, producer, consumer
    }

    static let configuration = CommandConfiguration(
        commandName: "client", abstract: "Prints the settings of clients.")

    @Option(name: .customLong("of"), help: "client (how it connects), admin, producer or consumer. May be repeated.")
    var kinds: [Kind] = [.client]

    @Option(help: "Brokers, HOST:PORT, separated by commas.")
    var bootstrapServer: String?

    @OptionGroup var settings: ClientSettings
    @OptionGroup var form: OutputForm

    func run() throws {
        let read = try settings.read(servers: bootstrapServer)
        try form.write(Table(inForce: kinds.flatMap { read.inForce[$0.rawValue] ?? [] }))
    }
}

/// `moldau config broker`.
struct ConfigBroker: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker", abstract: "Prints the settings of a broker that was started with these options.")

    @OptionGroup var options: BrokerOptions
    @OptionGroup var form: OutputForm

    func run() throws { try form.write(Table(inForce: try options.read().inForce)) }
}

extension Table {
    /// A table of settings and their sources.
    fileprivate init(inForce: [SettingsReader.InForce]) {
        self.init("NAME", "VALUE", "SOURCE")
        for setting in inForce.sorted(on: \.name) {
            let value: Cell = setting.isSecret ? .text("[hidden]") : setting.value.map { .text($0) } ?? .missing
            add(.text(setting.name), value, .text(setting.origin ?? "default"))
        }
    }
}
