import Foundation
import MoldauClusterEmbedded
import MoldauServer
import Testing

@Suite struct BrokerServerTests {
    private func cluster() throws -> EmbeddedCluster {
        try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
    }

    @Test func `a server listens on a port that the system chooses`() async throws {
        let server = try BrokerServer(of: cluster(), listening: [.localhost(0), .localhost(0)])
        let addresses = try await server.start()
        #expect(addresses.count == 2 && addresses.allSatisfy { $0.port != 0 } && addresses[0] != addresses[1])
        await server.stop()
    }

    @Test func `a port in use is reported with its address`() async throws {
        let first = try BrokerServer(of: cluster(), listening: [.localhost(0)])
        let address = try await first.start()[0]
        let second = try BrokerServer(of: cluster(), listening: [address])
        await #expect(throws: ServerError.addressInUse(address)) { try await second.start() }
        await first.stop()
    }

    @Test func `an address of another machine is reported`() async throws {
        var options = ServerOptions()
        options.isInsecure = true
        let address = ListenAddress(host: "192.0.2.1", port: 0)
        let server = try BrokerServer(of: cluster(), listening: [address], options: options)
        do {
            try await server.start()
            Issue.record("the server listens")
        } catch ServerError.addressNotAvailable(let told, _) {
            #expect(told == address)
        }
    }

    @Test func `an address reachable by other machines needs an explicit choice`() throws {
        let address = ListenAddress(host: "0.0.0.0", port: 0)
        #expect(throws: ServerError.unprotectedAddress(address)) {
            _ = try BrokerServer(of: cluster(), listening: [address])
        }
        #expect(throws: ServerError.noAddress) { _ = try BrokerServer(of: cluster(), listening: []) }
    }

    @Test func `the data directory holds the address while the server listens`() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "moldau-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let cluster = try await EmbeddedCluster(directory: directory)
        let server = try BrokerServer(of: cluster, listening: [.localhost(0)])
        let address = try await server.start()[0]
        #expect(try String(contentsOfFile: "\(directory)/listening", encoding: .utf8) == "\(address)\n")
        await server.stop()
        #expect(!FileManager.default.fileExists(atPath: "\(directory)/listening"))
        try await cluster.close()
    }

    @Test func `stopping the server closes its clients' connections`() async throws {
        let server = try BrokerServer(of: cluster(), listening: [.localhost(0)])
        let socket = try ClientSocket(port: try await server.start()[0].port)
        try socket.send(frame: [0, 18, 0, 0, 0, 0, 0, 7, 255, 255])
        #expect(try socket.receive(timeout: .seconds(5)).prefix(6) == [0, 0, 0, 7, 0, 0])
        await server.stop()
        #expect(throws: ClientSocket.Failure.self) { try socket.receive(timeout: .seconds(5)) }
    }
}
