import Foundation
import MoldauClusterEmbedded
import MoldauServer
import MoldauWire
import Testing

/// TLS, and which addresses need it.
@Suite struct EncryptionTests {
    private static func local(_ security: SecurityProtocol) -> ListenAddress {
        ListenAddress(host: "127.0.0.1", port: 0, security: security)
    }

    @Test func `records go through TLS as they are, small and large`() async throws {
        let files = try TLSFiles()
        var options = ServerOptions()
        options.tls = files.options
        let directory = files.directory
        try await withServer(options, listening: Self.local(.ssl)) { address in
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
        withExtendedLifetime(files) {}
    }

    @Test func `a user logs in by a password under TLS`() async throws {
        let files = try TLSFiles()
        var options = ServerOptions()
        options.tls = files.options
        let directory = files.directory
        try await withServer(options, listening: Self.local(.saslSSL), users: ["ada": "secret"]) { address in
            let client = try TLSFiles.client(in: directory, of: address)
            #expect(try client.logIn("ada", "secret").errorCode == .none)
            #expect(try client.topics() == ["t"])
            let other = try TLSFiles.client(in: directory, of: address)
            #expect(try other.logIn("ada", "wrong").errorCode == .saslAuthenticationFailed)
        }
        withExtendedLifetime(files) {}
    }

    @Test func `a client without encryption is closed where there is one, and others go on`() async throws {
        let files = try TLSFiles()
        var options = ServerOptions()
        options.tls = files.options
        let directory = files.directory
        try await withServer(options, listening: Self.local(.ssl)) { address in
            let other = try TLSFiles.client(in: directory, of: address)
            let client = try WireClient(address)
            try client.send(ApiVersionsRequest(), version: 0)
            #expect(client.isClosed())
            #expect(try other.topics() == ["t"])
        }
        withExtendedLifetime(files) {}
    }

    @Test func `who begins no TLS in time is closed`() async throws {
        let files = try TLSFiles()
        var options = ServerOptions()
        options.tls = files.options
        options.logInTimeout = .milliseconds(300)
        try await withServer(options, listening: Self.local(.ssl)) { address in
            let client = try WireClient(address)
            #expect(client.isClosed())
        }
        withExtendedLifetime(files) {}
    }

    @Test func `a client without the certificate that is required is closed, one with it is let in`() async throws {
        let files = try TLSFiles()
        var options = ServerOptions()
        options.tls = files.options
        options.tls?.clientAuthorityPath = files.authority
        options.tls?.clientCertificates = .required
        let directory = files.directory
        try await withServer(options, listening: Self.local(.ssl)) { address in
            let stranger = try TLSFiles.client(in: directory, of: address)
            try? stranger.send(ApiVersionsRequest(), version: 0)
            #expect(stranger.isClosed())
            let client = try TLSFiles.client(in: directory, of: address, certificate: "client")
            #expect(try client.topics() == ["t"])
        }
        withExtendedLifetime(files) {}
    }

    // MARK: What a server refuses

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
    func `an address that others reach is encrypted and closed to strangers`(
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

    @Test func `a certificate that is missing or no certificate is told with its file`() async throws {
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
