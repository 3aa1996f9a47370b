import Foundation
import MoldauRecords
import MoldauServer
import MoldauWire
import ProgramSupport
import Testing

@testable import MoldauClient

@Suite struct ConnectionTests {
    /// A certificate for 127.0.0.1 and its key, made by `openssl` in a directory that is deleted with the value.
    private final class Certificate {
        let directory: String
        var path: String { "\(directory)/server.pem" }
        var options: TLSOptions { TLSOptions(certificatePath: path, keyPath: "\(directory)/server.key") }

        init() throws {
            directory = FileManager.default.temporaryDirectory.appending(path: "moldau-tls-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let arguments = [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-keyout", "\(directory)/server.key", "-out", path,
            ]
            try #require(try SpawnedProcess("/usr/bin/env", arguments).wait() == 0)
        }

        deinit { try? FileManager.default.removeItem(atPath: directory) }
    }

    private func send(_ client: ClientOptions, within time: Duration = .seconds(40)) async throws {
        var options = ProducerOptions()
        options.maxBlock = time
        let producer = try Producer(to: topic, cluster: client, options: options)
        do {
            try await producer.send("k", "v")
        } catch {
            await producer.close()
            throw error
        }
        await producer.close()
    }

    @Test(arguments: ["127.0.0.1", "localhost"], ClientLogIn.Mechanism.allCases)
    func `a client with a trusted authority and the right password is admitted`(
        host: String, mechanism: ClientLogIn.Mechanism
    ) async throws {
        let certificate = try Certificate()
        var options = ServerOptions()
        options.tls = certificate.options
        options.failedLogInDelay = .zero
        try await withBroker(options, topics: ["t": 1], security: .saslSSL, users: ["ann": "secret"]) { broker in
            var client = ClientOptions(bootstrapServers: [BrokerAddress(host: host, port: broker.address.port)])
            client.tls = ClientTLS(authorityPath: certificate.path)
            client.logIn = ClientLogIn(mechanism, user: "ann", password: "secret")
            try await send(client)
            client.logIn = ClientLogIn(mechanism, user: "ann", password: "wrong")
            do {
                try await send(client)
                Issue.record("the client was admitted")
            } catch let error as ClientError {
                guard case .logInFailed = error else {
                    Issue.record("\(error)")
                    return
                }
                #expect(error.remedy == .change)
            }
            // The system's authorities have not signed this certificate.
            client.logIn = ClientLogIn(mechanism, user: "ann", password: "secret")
            client.tls = ClientTLS()
            await #expect(throws: ClientError.self) { try await send(client, within: .seconds(1)) }
        }
    }

    @Test func `many tasks share one connection`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            let cluster = ClusterClient(broker.client, try SocketWorld(broker.client))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        for _ in 0..<200 { _ = try await answer { cluster.sendToAny(MetadataRequest(), then: $0) } }
                    }
                }
                try await group.waitForAll()
            }
            cluster.close()
        }
    }

    @Test func `the error for a file that cannot be read names the setting`() {
        var client = ClientOptions(bootstrapServers: [BrokerAddress(host: "127.0.0.1", port: 1)])
        client.tls = ClientTLS(authorityPath: "/nowhere")
        do {
            _ = try Producer(to: topic, cluster: client)
            Issue.record("the producer was created")
        } catch {
            #expect("\(error)".contains("ssl.truststore.location"))
        }
    }

    /// The options of a client whose connections the system accepts, and no server reads.
    private func withSilentBroker(_ body: (ClientOptions) async throws -> Void) async throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) + listen(descriptor, 5) + getsockname(descriptor, $0, &size)
            }
        }
        try #require(result == 0)
        let port = Int(UInt16(bigEndian: address.sin_port))
        try await body(ClientOptions(bootstrapServers: [BrokerAddress(host: "127.0.0.1", port: port)]))
    }

    @Test func `a request to a broker that does not answer fails`() async throws {
        try await withSilentBroker { options in
            var client = options
            client.requestTimeout = .milliseconds(200)
            do {
                try await send(client, within: .seconds(5))
                Issue.record("the record was sent")
            } catch ClientError.disconnected(let told, let reason) {
                #expect(told == client.bootstrapServers[0] && reason.contains("ApiVersions"))
            }
        }
    }

    @Test func `a topic that no broker describes in time is not reported as missing`() async throws {
        try await withSilentBroker { client in
            let late = ClientError.timedOut(what: "the description of the topic 't'", after: .milliseconds(300))
            await #expect(throws: late) { try await send(client, within: .milliseconds(300)) }
        }
    }

    @Test func `an unanswered request for a topic is awaited longer than a missing topic`() async throws {
        try await withSilentBroker { client in
            let late = ClientError.timedOut(what: "the description of the topic 't'", after: .milliseconds(600))
            let cluster = ClusterClient(client, try SocketWorld(client))
            defer { cluster.close() }
            await #expect(throws: late) {
                _ = try await cluster.partitionCount(
                    of: "t", within: .milliseconds(100), unanswered: .milliseconds(600))
            }
        }
    }
}
