internal import Foundation
internal import MoldauRecords
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// The real environment: sockets on an event loop, and the system's clocks.
struct SocketWorld: ClientWorld {
    private let loop: any EventLoop
    private let options: ClientOptions
    private let tls: NIOSSLContext?

    /// - Throws: `ClientError.invalidSetting` for certificates that cannot be used.
    init(_ options: ClientOptions) throws(ClientError) {
        loop = MultiThreadedEventLoopGroup.singleton.next()
        self.options = options
        tls = try options.tls.map { tls throws(ClientError) in try tls.makeContext() }
    }

    private static let start = ContinuousClock.now

    /// A monotonic clock, shared by all connections.
    static func clock() -> Duration { ContinuousClock.now - start }

    var now: Duration { Self.clock() }
    var time: Timestamp { Timestamp(ms: Int64(Date().timeIntervalSince1970 * 1_000)) }
    func chance() -> Double { Double.random(in: 0..<1) }
    func perform(_ body: @escaping @Sendable () -> Void) { loop.execute(body) }
    func perform(after delay: Duration, _ body: @escaping @Sendable () -> Void) {
        loop.scheduleTask(in: TimeAmount(max(delay, .zero)), body)
    }

    func connect(to address: BrokerAddress) -> any BrokerLink {
        let link = SocketLink(address, options, loop)
        if let transport = options.transport {
            link.begin(transport.connect(on: loop, to: link))
            return link
        }
        guard UInt16(exactly: address.port) != nil else {
            loop.execute { link.fail("there is no port \(address.port)") }
            return link
        }
        let tls = tls
        // nil for a host name, which must be resolved.
        let direct = try? SocketAddress(ipAddress: address.host, port: address.port)
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(options.connectTimeout))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        // If the host is an IP address, the certificate is checked against the socket's address.
                        let handler = try NIOSSLClientHandler(
                            context: tls, serverHostname: direct == nil ? address.host : nil)
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.addHandler(FrameReader(link))
                }
            }
        let connected =
            direct.map { bootstrap.connect(to: $0) } ?? bootstrap.connect(host: address.host, port: address.port)
        connected.whenComplete { result in
            switch result {
            case .success(let channel): link.begin(SocketCarrier(channel: channel))
            case .failure(let error): link.fail("\(error)")
            }
        }
        return link
    }
}

extension ClientTLS {
    fileprivate func makeContext() throws(ClientError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let authorityPath {
            try Self.check(authorityPath, "ssl.truststore.location")
            configuration.trustRoots = .file(authorityPath)
        }
        if let certificatePath {
            guard let keyPath else {
                throw .invalidSetting("ssl.keystore.key", reason: "a certificate needs its private key")
            }
            try Self.check(certificatePath, "ssl.keystore.certificate.chain")
            try Self.check(keyPath, "ssl.keystore.key")
            do {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificatePath).map {
                    .certificate($0)
                }
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: keyPath, format: .pem))
            } catch {
                throw .invalidSetting("ssl.keystore.certificate.chain", reason: "it has to be a PEM file: \(error)")
            }
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .invalidSetting("ssl.truststore.location", reason: "it has to be a PEM file: \(error)")
        }
    }

    private static func check(_ path: String, _ name: String) throws(ClientError) {
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw .invalidSetting(name, reason: "the file '\(path)' does not exist, or cannot be read")
        }
    }
}
