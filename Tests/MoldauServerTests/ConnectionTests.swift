import Foundation
import MoldauRecords
import MoldauServer
import MoldauWire
import Testing

/// How a server handles misbehaving connections.
@Suite struct ConnectionTests {
    private static func isClosed(_ socket: ClientSocket, within time: Duration = .seconds(10)) -> Bool {
        do {
            while true { _ = try socket.receive(timeout: time) }
        } catch ClientSocket.Failure.closed {
            return true
        } catch {
            return false
        }
    }

    @Test(
        arguments: [
            [0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff],  // 2 GiB, and a negative length
            [0, 0, 0, 2, 0, 18], [0, 0, 0, 0],  // an incomplete header
            [0, 0, 0, 10, 3, 231, 0, 0, 0, 0, 0, 1, 255, 255],  // an unknown API
            [0, 0, 0, 10, 0, 3, 0, 99, 0, 0, 0, 1, 255, 255],  // an unknown version
            [0, 0, 0, 11, 0, 3, 0, 12, 0, 0, 0, 1, 255, 255, 255],  // a body that cannot be read
        ] as [[UInt8]])
    func `an invalid request closes its connection, and others are not affected`(bytes: [UInt8]) async throws {
        try await withServer { address in
            let other = try WireClient(address)
            let socket = try ClientSocket(port: address.port)
            try socket.send(bytes)
            #expect(Self.isClosed(socket))
            #expect(try other.call(MetadataRequest { $0.topics = nil }, version: 12).topics.map(\.name) == ["t"])
        }
    }

    @Test func `ApiVersions in an unknown version is answered in version 0`() async throws {
        try await withServer { address in
            let socket = try ClientSocket(port: address.port)
            try socket.send(frame: [0, 18, 0, 99, 0, 0, 0, 7, 255, 255, 0])
            #expect(
                try socket.receive(timeout: .seconds(10)) == [0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4])
        }
    }

    @Test func `pipelined requests are answered in order`() async throws {
        try await withServer { address in
            let client = try WireClient(address)
            for _ in 0..<2_000 {
                try client.send(ApiVersionsRequest(), version: 0)
                try client.send(MetadataRequest { $0.topics = nil }, version: 12)
            }
            for _ in 0..<2_000 {
                #expect(try client.receive(ApiVersionsResponse.self).errorCode == .none)
                #expect(try client.receive(MetadataResponse.self).topics.count == 1)
            }
        }
    }

    @Test func `a request that arrives too slowly closes its connection, and others are not affected`() async throws {
        var options = ServerOptions()
        options.stallTimeout = .milliseconds(400)
        try await withServer(options) { address in
            let other = try WireClient(address)
            let socket = try ClientSocket(port: address.port)
            let begun = ContinuousClock.now
            for byte: UInt8 in [0, 0, 0, 100] + Array(repeating: 0, count: 60) {
                do { try socket.send([byte]) } catch { break }
                usleep(50_000)
            }
            #expect(Self.isClosed(socket))
            #expect(ContinuousClock.now - begun < .seconds(20))
            #expect(try other.call(ApiVersionsRequest(), version: 0).errorCode == .none)
        }
    }

    @Test func `an idle connection is closed`() async throws {
        var options = ServerOptions()
        options.idleTimeout = .milliseconds(200)
        try await withServer(options) { address in
            let socket = try ClientSocket(port: address.port)
            #expect(Self.isClosed(socket))
        }
    }

    @Test func `connections beyond the limit are closed, until one ends`() async throws {
        var options = ServerOptions()
        options.maxConnections = 2
        try await withServer(options) { address in
            var clients = [try WireClient(address), try WireClient(address)]
            for client in clients { #expect(try client.call(ApiVersionsRequest(), version: 0).errorCode == .none) }
            #expect(Self.isClosed(try ClientSocket(port: address.port)))
            clients.removeLast()
            let end = ContinuousClock.now + .seconds(10)
            var isTaken = false
            while !isTaken, ContinuousClock.now < end {
                isTaken = (try? WireClient(address).call(ApiVersionsRequest(), version: 0)) != nil
            }
            #expect(isTaken)
        }
    }

    @Test func `a client that does not read its answers is closed, and others are not affected`() async throws {
        var options = ServerOptions()
        options.stallTimeout = .milliseconds(500)
        try await withServer(options) { address in
            let other = try WireClient(address)
            _ = try other.produce([UInt8](repeating: 7, count: 1 << 20), to: "t")
            let client = try WireClient(address)
            for _ in 0..<200 {
                try? client.send(WireClient.fetch("t", from: 0, maxBytes: 1 << 21, waitMs: 0), version: 12)
            }
            sleep(2)
            #expect(try other.call(ApiVersionsRequest(), version: 0).errorCode == .none)
            #expect(Self.isClosed(client.socket))
        }
    }

    @Test func `the memory of incomplete requests is bounded, and others are not affected`() async throws {
        var options = ServerOptions()
        options.maxMemoryBytes = 8 << 20
        try await withServer(options) { address in
            let other = try WireClient(address)
            let hoarders = try (0..<8).map { _ in try ClientSocket(port: address.port) }
            for hoarder in hoarders {
                // 4 MiB are announced, and all but one are sent.
                try? hoarder.send([0, 0x40, 0, 0] + [UInt8](repeating: 0, count: 3 << 20))
            }
            #expect(try other.call(ApiVersionsRequest(), version: 0).errorCode == .none)
            let end = ContinuousClock.now + .seconds(20)
            var left = hoarders
            while left.count > 3, ContinuousClock.now < end {
                left.removeAll { Self.isClosed($0, within: .milliseconds(50)) }
            }
            #expect(1...3 ~= left.count)
            // The remaining ones fit into the limit.
            left.removeAll { Self.isClosed($0, within: .milliseconds(500)) }
            #expect(!left.isEmpty)
        }
    }
}
