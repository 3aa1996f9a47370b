import Foundation
import MoldauClusterEmbedded
import MoldauRecords
import MoldauServer
import MoldauWire
import Testing

/// TLS, and which addresses need it.
@Suite struct EncryptionTests {
    private static func local(_ security: SecurityProtocol) -> ListenAddress {
        ListenAddress(host: "127.0.0.1", port: 0, security: security)
    }

    /// An encrypted server while `body` runs.
    /// - Parameter body: gets its address, and the directory with the certificates.
    private func withEncryption(
        _ security: SecurityProtocol = .ssl, users: [String: String] = [:],
        _ change: (inout ServerOptions, TLSFiles) -> Void = { _, _ in },
        _ body: @escaping @Sendable (ListenAddress, String) throws -> Void
    ) async throws {
        let files = try TLSFiles()
        var options = ServerOptions()
        options.tls = files.options
        change(&options, files)
        let directory = files.directory
        try await withServer(options, listening: Self.local(security), users: users) { try body($0, directory) }
        withExtendedLifetime(files) {}
    }

    @Test func `small and large records are unchanged by TLS`() async throws {
        try await withEncryption { address, directory in
            let client = try TLSFiles.client(in: directory, of: address)
            let large = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            #expect(try client.produce([1, 2, 3], to: "t").errorCode == .none)
            #expect(try client.produce(large, to: "t").errorCode == .none)
            let found = try client.fetch("t")
            guard case .bytes(let records) = found.records else {
                Issue.record("no records")
                return
            }
            #expect(found.errorCode == .none && records.count > 1 << 20)
            #expect(Array(records.bytes).firstRange(of: large) != nil)
        }
    }

    @Test func `a frame of several MiB in many encrypted reads is received completely`() async throws {
        try await withEncryption { address, directory in
            let client = try TLSFiles.client(in: directory, of: address)
            // Its contents do not repeat at any distance, so misplaced bytes would be noticed.
            let large = (0..<(6 << 20)).map { UInt8(truncatingIfNeeded: $0 / 65_521 &+ $0 &* 167) }
            for number in 0..<2 as Range<Int64> {
                let told = try client.produce(large, to: "t")
                #expect(told.errorCode == .none && told.baseOffset == Offset(number))
                guard case .bytes(let records) = try client.fetch("t", from: number).records else {
                    Issue.record("no records")
                    return
                }
                var reader = RecordBatchReader(records.bytes)
                let value = try #require(try reader.next()?.value)
                #expect(value.elementsEqual(large))
            }
        }
    }

    @Test func `requests in one encrypted read are answered one by one, in order`() async throws {
        try await withEncryption { address, directory in
            let client = try TLSFiles.client(in: directory, of: address)
            let frames = try (0..<60).map { _ in
                try client.frame(MetadataRequest { $0.topics = [.init { $0.name = "t" }] }, version: 9)
            }
            // All in one write, with the last one cut in the middle of its length.
            let bytes = Array(frames.joined())
            let cut = bytes.count - (frames.last?.count ?? 0) + 2
            #expect(bytes.count < 4_096)
            try client.socket.send(Array(bytes[..<cut]))
            for _ in 0..<59 { #expect(try client.receive(MetadataResponse.self).topics.map(\.name) == ["t"]) }
            try client.socket.send(Array(bytes[cut...]))
            #expect(try client.receive(MetadataResponse.self).topics.map(\.name) == ["t"])
        }
    }

    @Test func `a user logs in with a password over TLS`() async throws {
        try await withEncryption(.saslSSL, users: ["ada": "secret"]) { address, directory in
            let client = try TLSFiles.client(in: directory, of: address)
            #expect(try client.logIn("ada", "secret").errorCode == .none)
            #expect(try client.topics() == ["t"])
            let other = try TLSFiles.client(in: directory, of: address)
            #expect(try other.logIn("ada", "wrong").errorCode == .saslAuthenticationFailed)
        }
    }

    @Test func `an unencrypted client is closed by a TLS listener, and others are not affected`() async throws {
        try await withEncryption { address, directory in
            let other = try TLSFiles.client(in: directory, of: address)
            let client = try WireClient(address)
            try client.send(ApiVersionsRequest(), version: 0)
            #expect(client.isClosed())
            #expect(try other.topics() == ["t"])
        }
    }

    @Test func `a client that does not begin TLS in time is closed`() async throws {
        try await withEncryption { options, _ in
            options.logInTimeout = .milliseconds(300)
        } _: { address, _ in
            let client = try WireClient(address)
            #expect(client.isClosed())
        }
    }

    @Test func `a client without a required certificate is closed, and one with it is admitted`() async throws {
        try await withEncryption { options, files in
            options.tls?.clientAuthorityPath = files.authority
            options.tls?.clientCertificates = .required
        } _: { address, directory in
            let stranger = try TLSFiles.client(in: directory, of: address)
            try? stranger.send(ApiVersionsRequest(), version: 0)
            #expect(stranger.isClosed())
            let client = try TLSFiles.client(in: directory, of: address, certificate: "client")
            #expect(try client.topics() == ["t"])
        }
    }

    // MARK: Refused configurations

    private static func refusal(_ address: ListenAddress, _ options: ServerOptions) throws -> ServerError? {
        let cluster = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
        do throws(ServerError) {
            _ = try BrokerServer(of: cluster, listening: [address], options: options)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        arguments: [
            (.plaintext, .none, false), (.saslPlaintext, .none, false), (.ssl, .none, false), (.ssl, .requested, false),
            (.ssl, .required, true), (.saslSSL, .none, true),
        ] as [(SecurityProtocol, TLSOptions.ClientCertificates, Bool)])
    func `an address reachable by other machines must be encrypted and authenticated`(
        security: SecurityProtocol, certificates: TLSOptions.ClientCertificates, isAllowed: Bool
    ) throws {
        var options = ServerOptions()
        options.tls = TLSOptions(
            certificatePath: "c", keyPath: "k", clientAuthorityPath: "a", clientCertificates: certificates)
        let open = ListenAddress(host: "0.0.0.0", port: 0, security: security)
        #expect(try Self.refusal(open, options) == (isAllowed ? nil : .unprotectedAddress(open)))
        #expect(try Self.refusal(Self.local(security), options) == nil)
        options.isInsecure = true
        #expect(try Self.refusal(open, options) == nil)
    }

    @Test func `a missing or invalid certificate is reported with its file`() async throws {
        let files = try TLSFiles()
        let cluster = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
        func complaint(_ change: (inout TLSOptions) -> Void, isSet: Bool = true) async throws -> String {
            var options = ServerOptions()
            var tls = files.options
            change(&tls)
            options.tls = isSet ? tls : nil
            let server = try BrokerServer(of: cluster, listening: [Self.local(.ssl)], options: options)
            do {
                try await server.start()
                await server.stop()
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(try await complaint({ _ in }) == "")
        #expect(try await complaint({ _ in }, isSet: false).contains("needs a certificate"))
        #expect(try await complaint { $0.certificatePath = "/none.pem" }.contains("/none.pem"))
        #expect(try await complaint { $0.keyPath = "/none.key" }.contains("/none.key"))
        #expect(try await complaint { $0.certificatePath = $0.keyPath }.contains("server.key"))
        #expect(try await complaint { $0.keyPath = "\(files.directory)/client.key" }.contains("together"))
        #expect(try await complaint { $0.clientCertificates = .required }.contains("authorities"))
    }
}
