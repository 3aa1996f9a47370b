import ArgumentParser
import Foundation
import Logging
import MoldauClient
import MoldauCluster
import MoldauClusterEmbedded
import MoldauClusterKafka
import MoldauLog
import MoldauServer

/// The options that say which topics a command works on: a data directory, or a cluster that runs.
///
/// A command knows only the port, `Cluster`, and for groups `AdminClient`. A directory that no process uses is opened
/// here; of one that a process uses, the process is asked, at the address that it listens on.
struct ClusterPlace: ParsableArguments {
    @Option(
        name: .customLong("data"),
        help: """
            The data directory: the one given to '.embedded(at:)' or 'EmbeddedCluster(directory:)'. If a process uses it \
            and listens, that is asked.
            """)
    var path: String?

    @Option(help: "Instead of --data: brokers of any Kafka cluster, HOST:PORT with commas in between.")
    var bootstrapServer: String?

    @Option(help: "A file in Kafka's properties form that says how to connect: security.protocol, sasl.*, ssl.*.")
    var commandConfig: String?

    func validate() throws {
        if (path == nil) == (bootstrapServer == nil) {
            throw ValidationError("give --data with a directory, or --bootstrap-server with HOST:PORT")
        }
    }

    /// Whether the settings of topics are those that this program knows.
    var isDirectory: Bool { path != nil }

    /// Opens or connects, runs `body`, and closes again.
    /// - Parameters:
    ///   - orCreate: creates the directory if it does not exist.
    ///   - replicationFactor: that of topics which are created; nil for the cluster's default.
    /// - Throws: `CommandFailure` if there is no such directory, or nobody answers.
    func withCluster(
        orCreate: Bool = false, replicationFactor: Int16? = nil, _ body: (any Cluster) throws -> Void
    ) throws {
        switch try open(orCreate: orCreate) {
        case .directory(let cluster): try using(cluster, body)
        case .running(let servers, let connection):
            var options = KafkaOptions()
            (options.tls, options.logIn) = (connection.tls, connection.logIn)
            options.replicationFactor = replicationFactor
            try using(try Self.translating { try KafkaCluster(servers, options: options) }, body)
        }
    }

    /// As `withCluster`, for what only brokers can do. A directory that no process uses gets a server, for as long as
    /// the command takes, that only this machine can reach.
    func withAdmin(_ body: @escaping @Sendable (AdminClient) async throws -> Void) throws {
        switch try open(orCreate: false) {
        case .running(let servers, let connection): try Self.ask(servers, connection, body)
        case .directory(let cluster):
            try using(cluster) { _ in
                var options = ServerOptions()
                options.createsTopics = false
                options.stopTimeout = .milliseconds(100)
                let server = try BrokerServer(
                    of: cluster, listening: [.localhost(0)], options: options, logger: Self.silence)
                let addresses = try server.startNow()
                defer { server.stopNow() }
                let servers = addresses.map(\.description).joined(separator: ",")
                try Self.ask(servers, ClientConnection(), body)
            }
        }
    }

    // MARK: Opening

    private enum Opened {
        case directory(EmbeddedCluster)
        case running(String, ClientConnection)
    }

    private static let silence = Logger(label: "moldau") { _ in SwiftLogNoOpLogHandler() }

    private func open(orCreate: Bool) throws -> Opened {
        let connection = try commandConfig.map(ClientConnection.init(file:)) ?? ClientConnection()
        guard let path else { return .running(bootstrapServer ?? "", connection) }
        let directory = try DataDirectory(path: path).brokerDirectory(orCreate: orCreate)
        do throws(LogError) {
            return .directory(try EmbeddedCluster(directory: directory))
        } catch {
            guard case .locked(_, let holder) = error else { throw CommandFailure("\(error)") }
            return .running(try address(ofHolder: holder, of: directory, connection), connection)
        }
    }

    /// Where the process listens that uses a directory.
    private func address(ofHolder holder: String, of directory: String, _ connection: ClientConnection) throws -> String
    {
        let note = FileManager.default.contents(atPath: "\(directory)/listening") ?? Data()
        let addresses = String(decoding: note, as: UTF8.self).split(separator: "\n")
            .compactMap { ListenAddress(String($0)) }
        guard !addresses.isEmpty else {
            throw CommandFailure(
                "'\(directory)' is in use by \(holder), which does not listen, so that nobody else can see its topics; stop "
                    + "it, or have it listen: '.embedded(at:listening:)' in an application, or 'moldau broker --data'")
        }
        guard let found = addresses.first(where: { $0.security.rawValue == connection.securityProtocol }) else {
            let list = addresses.map(\.description).joined(separator: ", ")
            throw CommandFailure(
                "'\(directory)' is in use by \(holder), which listens on \(list): give --command-config with a file that has "
                    + "security.protocol=\(addresses[0].security.rawValue), and how to log in")
        }
        // Who listens on all addresses is found on this machine's own.
        let host = ["0.0.0.0": "127.0.0.1", "::": "::1"][found.host] ?? found.host
        return BrokerAddress(host: host, port: found.port).description
    }

    // MARK: Using

    private static func ask(
        _ servers: String, _ connection: ClientConnection,
        _ body: @escaping @Sendable (AdminClient) async throws -> Void
    ) throws {
        try translating {
            var client = try ClientOptions(bootstrapServers: servers)
            (client.tls, client.logIn) = (connection.tls, connection.logIn)
            let admin = try AdminClient(cluster: client)
            let outcome = Result { try waiting { try await body(admin) } }
            try waiting { await admin.close() }
            try outcome.get()
        }
    }

    private func using(_ cluster: any OwnedCluster, _ body: (any Cluster) throws -> Void) throws {
        do {
            try Self.translating { try body(cluster) }
        } catch {
            try? cluster.close()
            throw error
        }
        try cluster.close()
    }

    /// What commands print of errors are sentences.
    private static func translating<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as ClusterError {
            throw CommandFailure("\(error)")
        } catch let error as ClientError {
            throw CommandFailure("\(error)")
        } catch let error as ServerError {
            throw CommandFailure("\(error)")
        }
    }
}
