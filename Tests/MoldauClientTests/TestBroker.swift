import Foundation
import Logging
import MoldauClient
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog
import MoldauServer
import Synchronization

/// A server of a broker in a directory of its own, which can be stopped and started again at the same address.
final class TestBroker: Sendable {
    private struct Running {
        let cluster: EmbeddedCluster
        let server: BrokerServer
    }

    let directory: String
    private let running: Mutex<Running>
    let address: ListenAddress
    /// The ports to which the proxies forward, in their order.
    let proxied: [Int]
    private let options: ServerOptions

    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(
        _ options: ServerOptions, topics: [String: Int32], security: SecurityProtocol, users: [String: String],
        proxies: [Int] = []
    ) async throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "moldau-\(UUID().uuidString)").path
        var options = options
        // Stopping does not wait for fetches that wait for records.
        options.stopTimeout = .milliseconds(100)
        options.cutsLastBatch = true
        self.options = options
        let cluster = try await EmbeddedCluster(directory: directory, durability: .os, logger: Self.quiet)
        try await cluster.withAdmin { admin in
            for (name, count) in topics { try admin.create([NewTopic(name, partitionCount: count)]) }
        }
        for (name, password) in users { try cluster.users.set(password: password, ofUser: name) }
        let wanted = ListenAddress(host: "127.0.0.1", port: 0, security: security)
        // Clients that connect through a proxy get the proxy's address in metadata.
        let behind = proxies.map { ListenAddress.localhost(0).advertised(host: "127.0.0.1", port: $0) }
        let server = try BrokerServer(of: cluster, listening: [wanted] + behind, options: options, logger: Self.quiet)
        let addresses = try await server.start()
        address = addresses[0]
        proxied = addresses.dropFirst().map(\.port)
        running = Mutex(Running(cluster: cluster, server: server))
    }

    var client: ClientOptions {
        ClientOptions(bootstrapServers: [BrokerAddress(host: "127.0.0.1", port: address.port)])
    }

    func create(_ topic: String, partitions: Int32, maxBatchBytes: Int? = nil) throws {
        let cluster = running.withLock { $0.cluster }
        let configuration = maxBatchBytes.map { ["max.message.bytes": "\($0)"] } ?? [:]
        try cluster.makeAdmin().create([
            NewTopic(topic, partitionCount: partitions, configuration: configuration)
        ])
    }

    func stop() async throws {
        let now = running.withLock { $0 }
        await now.server.stop()
        try await now.cluster.close()
    }

    func start() async throws {
        let cluster = try await EmbeddedCluster(directory: directory, durability: .os, logger: Self.quiet)
        let server = try BrokerServer(of: cluster, listening: [address], options: options, logger: Self.quiet)
        _ = try await server.start()
        running.withLock { $0 = Running(cluster: cluster, server: server) }
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }
}

/// A broker with these topics, by their numbers of partitions, while `body` runs.
func withBroker(
    _ options: ServerOptions = ServerOptions(), topics: [String: Int32], security: SecurityProtocol = .plaintext,
    users: [String: String] = [:], _ body: (TestBroker) async throws -> Void
) async throws {
    let broker = try await TestBroker(options, topics: topics, security: security, users: users)
    do {
        try await body(broker)
    } catch {
        try? await broker.stop()
        throw error
    }
    try await broker.stop()
}

extension MoldauClient.Consumer {
    /// This many records, or those of 200 polls. The limit is not a time: on a busy machine a task runs only a few
    /// times a minute.
    func read(_ count: Int) async throws -> [ConsumerRecord<Key, Value>] {
        var records: [ConsumerRecord<Key, Value>] = []
        for _ in 0..<200 where records.count < count { records += try await poll(within: .milliseconds(200)) }
        return records
    }
}
