import ArgumentParser
import MoldauRecords
import MoldauServer
import MoldauSettings

/// The options of `moldau broker`. Each is a setting, which may also come from a file or the environment.
struct BrokerOptions: ParsableArguments {
    /// The prefix of environment variables.
    static let prefix = "MOLDAU_BROKER"

    @Option(
        name: .customLong("data"),
        help: "The data directory: the one given to '.embedded(at:)' or 'EmbeddedCluster(directory:)'.")
    var directory: String?

    @Option(
        name: .customLong("listen"),
        help: """
            Listen on this ADDRESS:PORT; the default is 127.0.0.1:9092. May be repeated. For port 0 the system chooses one. \
            Before it you can say how clients talk to it: PLAINTEXT:// (the default), SSL://, SASL_PLAINTEXT:// or SASL_SSL://. \
            After it you can give the advertised address, by which clients reach it: 0.0.0.0:9092=kafka.example.org:19092.
            """)
    var addresses: [String] = []

    @Option(
        help:
            "When records are acknowledged: sync (once they are on disk; the default) or os (once the system has them)."
    )
    var durability: String?

    @Option(help: "How many partitions a topic gets if its creator does not say; the default is 1.")
    var partitions: Int32?

    @Flag(
        inversion: .prefixedNo, help: "Create topics that clients ask for if they do not exist; this is the default.")
    var autoCreate: Bool?

    @Flag(
        help: "Allow addresses that other machines can reach without encryption and log-in, and unencrypted passwords.")
    var insecure = false

    @OptionGroup(title: "Security") var security: SecurityOptions

    @Option(
        help: """
            A file of settings in Kafka's properties form, as a broker's server.properties. Options, and environment \
            variables such as \(prefix)_NUM_PARTITIONS, take precedence.
            """)
    var config: String?

    @Option(
        name: .customLong("override"),
        help: "A setting name=value, which takes precedence over the file's. May be repeated.")
    var overrides: [String] = []

    func validate() throws {
        for address in addresses where ListenAddress(address) == nil {
            throw ValidationError(
                "--listen takes ADDRESS:PORT, such as 127.0.0.1:9092, SASL_SSL://0.0.0.0:9093 or "
                    + "0.0.0.0:9092=kafka.example.org:19092, not '\(address)'")
        }
        if durability.map({ !["sync", "os"].contains($0) }) ?? false {
            throw ValidationError("--durability takes 'sync' or 'os'")
        }
        if let partitions, partitions < 1 { throw ValidationError("--partitions is at least 1") }
    }

    /// The broker's settings, as read.
    struct Read {
        var server = ServerOptions()
        var broker = BrokerSettings()
        /// All settings, by name.
        var inForce: [SettingsReader.InForce] = []
    }

    /// - Throws: `CommandFailure` that names the unknown or invalid setting.
    func read() throws -> Read {
        do {
            var read = Read()
            var sources = [
                SettingsSource.values(given, origin: "command line"),
                .values(try pairs(), origin: "--override"), .environment(prefix: Self.prefix),
            ]
            if let config { sources.append(try .properties(file: config)) }
            read.inForce = try SettingsReader.read(sources) { reader in
                try reader.fill(&read.server)
                try reader.fill(&read.broker)
            }
            return read
        } catch let error as SettingError {
            throw CommandFailure("\(error)")
        } catch let error as ServerError {
            throw CommandFailure("\(error)")
        }
    }

    private func pairs() throws -> [String: String] {
        let pairs = try overrides.map { try NamedText($0, option: "--override") }
        return Dictionary(pairs.map { ($0.name, $0.text) }) { $1 }
    }

    /// The options by the names of their settings.
    private var given: [String: String] {
        var given = security.given
        given["log.dirs"] = directory
        if !addresses.isEmpty { given["listeners"] = addresses.joined(separator: ",") }
        given["moldau.durability"] = durability
        given["num.partitions"] = partitions.map { "\($0)" }
        given["auto.create.topics.enable"] = autoCreate.map { "\($0)" }
        if insecure { given["moldau.insecure"] = "true" }
        return given
    }
}
