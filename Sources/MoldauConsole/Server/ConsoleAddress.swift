import HummingbirdCore
import HummingbirdTLS
import NIOCore
import NIOSSL

/// Where a console listens, and who may use it.
public struct ConsoleAddress: Sendable {
    let host: String
    let port: Int
    let access: Access

    enum Access: Sendable {
        /// Clients on this machine only. The Host header of a request must name this machine, so that no web page from
        /// elsewhere can reach the console through a DNS name that resolves to it (DNS rebinding).
        case local
        case token(String)
        case certificate(chain: String, key: String, token: String?)
        case unprotected
    }

    /// This machine only: 127.0.0.1.
    /// - Parameters:
    ///   - port: 0 lets the system choose; `onListening` of `StreamsConsole.init` gets the chosen one.
    ///   - token: the token that requests must carry; nil for none. See `address(_:_:token:)`.
    public static func localhost(_ port: Int, token: String? = nil) -> ConsoleAddress {
        ConsoleAddress(host: "127.0.0.1", port: port, access: token.map(Access.token) ?? .local)
    }

    /// An address reachable from other machines, for clients with a token, which requests must carry as
    /// `Authorization: Bearer …`. It is sent in plain text: use `tls` if the network can be eavesdropped on.
    /// - Parameters:
    ///   - host: a name or address of this machine; `0.0.0.0` or `::` for all of its addresses.
    ///   - port: 0 lets the system choose one.
    ///   - token: the token that requests must carry.
    public static func address(_ host: String, _ port: Int, token: String) -> ConsoleAddress {
        ConsoleAddress(host: host, port: port, access: .token(token))
    }

    /// An address reachable from other machines, over TLS.
    /// - Parameters:
    ///   - host: a name or address of this machine; `0.0.0.0` or `::` for all of its addresses.
    ///   - port: 0 lets the system choose one.
    ///   - certificates: a PEM file with the certificate and the chain to its authority.
    ///   - key: a PEM file with the private key.
    ///   - token: the token that requests must carry; nil: every client that connects may read.
    public static func tls(
        _ host: String, _ port: Int, certificates: String, key: String, token: String?
    ) -> ConsoleAddress {
        ConsoleAddress(host: host, port: port, access: .certificate(chain: certificates, key: key, token: token))
    }

    /// An address without protection: every client that can reach it may read everything, keys, values and records.
    public static func unprotected(_ host: String, _ port: Int) -> ConsoleAddress {
        ConsoleAddress(host: host, port: port, access: .unprotected)
    }

    var scheme: String { if case .certificate = access { "https" } else { "http" } }

    var token: String? {
        switch access {
        case .token(let token), .certificate(_, _, let token?): token
        case .local, .certificate, .unprotected: nil
        }
    }

    /// - Throws: errors of the certificate's files.
    var server: HTTPServerBuilder {
        get throws {
            let plain = HTTPServerBuilder.http1(
                configuration: HTTP1Channel.Configuration(
                    idleTimeout: .seconds(60),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: ConsoleLimits.headerBytes, maxHeaderListSize: 2 * ConsoleLimits.headerBytes,
                        maxHeaderFieldCount: 100)))
            guard case .certificate(let chain, let key, _) = access else { return plain }
            let certificates = try NIOSSLCertificate.fromPEMFile(chain).map(NIOSSLCertificateSource.certificate)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: certificates, privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
            configuration.minimumTLSVersion = .tlsv12
            return try .tls(plain, tlsConfiguration: configuration)
        }
    }
}
