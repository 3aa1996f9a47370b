import ArgumentParser
import Foundation
import MoldauClient
import MoldauClientEmbedded
import MoldauCluster
import MoldauClusterEmbedded
import MoldauClusterKafka
import MoldauLog
import MoldauServer

/// The options that say which topics a command works on: those of a data directory, or of a running cluster.
///
/// A command uses only the port, `Cluster`, and for groups `AdminClient`. A directory that no process uses is opened
/// here; if a process uses it, the command connects to that process, at the address that it listens on.
struct ClusterPlace: ParsableArguments {
    @Option(
        name: .customLong("data"),
        help: """
            The data directory: the one given to '.embedded(at:)' or 'EmbeddedCluster(directory:)'. If a process that \
            uses it listens, that process is asked.
            """)
    var path: String?

    @Option(help: "Instead of --data: brokers of any Kafka cluster, HOST:PORT, separated by commas.")
    var bootstrapServer: String?

    @OptionGroup var settings: ClientSettings

    init() {}

    /// The place that these options would give.
    init(data path: String?, bootstrapServer: String?, settings: ClientSettings) {
        (self.path, self.bootstrapServer, self.settings) = (path, bootstrapServer, settings)
    }

    func validate() throws {
        if path != nil, bootstrapServer != nil {
            throw ValidationError("give --data with a directory, or --bootstrap-server with HOST:PORT, not both")
        }
    }

    /// Whether this program defines the topic settings.
    var isDirectory: Bool { path != nil }

    /// Opens or connects, runs `body`, and closes again.
    /// - Parameters:
    ///   - orCreate: creates the directory if it does not exist.
    ///   - replicationFactor: for topics that are created; nil for the cluster's default.
    /// - Throws: `CommandFailure` if there is no such directory, or no broker answers.
    func withCluster(
        orCreate: Bool = false, replicationFactor: Int16? = nil, _ body: (any ClusterPort) throws -> Void
    ) throws {
        switch try open(orCreate: orCreate) {
        case .directory(let cluster): try using(OpenCluster(port: cluster, close: cluster.close), body)
        case .running(let client):
            var options = KafkaOptions()
            (options.tls, options.logIn) = (client.tls, client.logIn)
            options.requestTimeout = client.requestTimeout
            options.replicationFactor = replicationFactor
            let servers = client.bootstrapServers.map(\.description).joined(separator: ",")
            let cluster = try Self.translating { try KafkaCluster(servers, options: options) }
            try using(OpenCluster(port: cluster, close: cluster.close), body)
        }
    }

    /// As `withCluster`, for what only clients of brokers can do. For a directory that no process uses, the broker runs
    /// in this process, and other processes cannot reach it.
    func withClient(orCreate: Bool = false, _ body: (ClientSettings.Read) throws -> Void) throws {
        var read = try settings.read(servers: nil)
        switch try open(orCreate: orCreate) {
        case .running(let client):
            read.client = client
            try Self.translating { try body(read) }
        case .directory(let cluster):
            let inner = ClientOptions.embedded(cluster)
            (read.client.bootstrapServers, read.client.transport) = (inner.bootstrapServers, inner.transport)
            (read.client.tls, read.client.logIn, read.client.createsTopics) = (nil, nil, false)
            try using(OpenCluster(port: cluster, close: cluster.close)) { _ in try body(read) }
        }
    }

    /// Runs `body` with an admin client, then closes it.
    func withAdmin(_ body: @escaping @Sendable (AdminClient) async throws -> Void) throws {
        try withClient { settings in
            let admin = try AdminClient(cluster: settings.client, options: settings.admin)
            let outcome = Result { try waiting { try await body(admin) } }
            try waiting { await admin.close() }
            try outcome.get()
        }
    }

    // MARK: Opening

    private enum Opened {
        case directory(EmbeddedCluster)
        case running(ClientOptions)
    }

    private func open(orCreate: Bool) throws -> Opened {
        let read = try settings.read(servers: bootstrapServer)
        guard let path else {
            guard read.namesBrokers else {
                throw CommandFailure(
                    "give --data with a directory, or --bootstrap-server with HOST:PORT (or bootstrap.servers as a setting)"
                )
            }
            return .running(read.client)
        }
        let directory = try DataDirectory(path: path).brokerDirectory(orCreate: orCreate)
        do throws(LogError) {
            return .directory(try EmbeddedCluster(directory: directory))
        } catch {
            guard case .locked(_, let holder) = error else { throw CommandFailure("\(error)") }
            var client = read.client
            client.bootstrapServers = [try address(ofHolder: holder, of: directory, client)]
            return .running(client)
        }
    }

    /// The address of the process that uses a directory.
    private func address(
        ofHolder holder: String, of directory: String, _ client: ClientOptions
    ) throws -> BrokerAddress {
        let note = FileManager.default.contents(atPath: "\(directory)/listening") ?? Data()
        let addresses = String(decoding: note, as: UTF8.self).split(separator: "\n")
            .compactMap { ListenAddress(String($0)) }
        guard !addresses.isEmpty else {
            throw CommandFailure(
                "'\(directory)' is in use by \(holder), which does not listen, so nobody else can see its topics; stop "
                    + "it, or have it listen: '.embedded(at:listening:)' in an application, or 'moldau broker --data'")
        }
        guard let found = addresses.first(where: { $0.security == client.securityProtocol }) else {
            let list = addresses.map(\.description).joined(separator: ", ")
            throw CommandFailure(
                "'\(directory)' is in use by \(holder), which listens on \(list): give --command-config with a file that has "
                    + "security.protocol=\(addresses[0].security.rawValue), and how to log in")
        }
        // A process that listens on all addresses is reached over loopback.
        let host = ["0.0.0.0": "127.0.0.1", "::": "::1"][found.host] ?? found.host
        return BrokerAddress(host: host, port: found.port)
    }

    // MARK: Using

    private func using(_ cluster: OpenCluster, _ body: (any ClusterPort) throws -> Void) throws {
        do {
            try Self.translating { try body(cluster.port) }
        } catch {
            try? cluster.close()
            throw error
        }
        try cluster.close()
    }

    /// Converts errors to `CommandFailure`, whose text is a sentence.
    private static func translating<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try ClientSettings.translating(body)
        } catch let error as ClusterError {
            throw CommandFailure("\(error)")
        }
    }
}

extension ClientOptions {
    /// The security protocol of the client's connections.
    fileprivate var securityProtocol: SecurityProtocol {
        switch (tls != nil, logIn != nil) {
        case (false, false): .plaintext
        case (true, false): .ssl
        case (false, true): .saslPlaintext
        case (true, true): .saslSSL
        }
    }
}
