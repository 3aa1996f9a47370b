import Foundation
import MoldauServer
import ProgramSupport

/// Certificates made by `openssl` in a directory that is deleted with the value: an authority, a server's and a
/// client's.
final class TLSFiles: Sendable {
    let directory: String

    var authority: String { "\(directory)/ca.pem" }
    var options: TLSOptions {
        TLSOptions(certificatePath: "\(directory)/server.pem", keyPath: "\(directory)/server.key")
    }

    struct Failed: Error { let arguments: [String] }

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "moldau-tls-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try make(["req", "-x509", "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem"])
        try sign("server", subject: "/CN=localhost", extensions: "subjectAltName=DNS:localhost,IP:127.0.0.1")
        try sign(
            "client", subject: "/C=DE/O=Example, Inc./OU=Shop/CN=orders", extensions: "extendedKeyUsage=clientAuth")
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private func sign(_ name: String, subject: String, extensions: String) throws {
        try make([
            "req", "-x509", "-CA", "ca.pem", "-CAkey", "ca.key", "-subj", subject, "-addext", extensions, "-keyout",
            "\(name).key", "-out", "\(name).pem",
        ])
    }

    private func make(_ arguments: [String]) throws {
        let all = arguments + ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        guard try Self.openssl(all, in: directory).wait() == 0 else { throw Failed(arguments: all) }
    }

    private static func openssl(
        _ arguments: [String], stream: Int32? = nil, in directory: String
    ) throws -> SpawnedProcess {
        try SpawnedProcess(
            "/usr/bin/env", ["openssl"] + arguments, streams: [stream, stream, nil], workingDirectory: directory)
    }

    /// A client whose socket is encrypted by a program of its own, which ends when the client does.
    static func client(
        in directory: String, of address: ListenAddress, certificate: String? = nil
    ) throws -> WireClient {
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else { throw Failed(arguments: []) }
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        var arguments = [
            "s_client", "-quiet", "-verify_quiet", "-verify_return_error", "-CAfile", "ca.pem", "-connect",
            "127.0.0.1:\(address.port)",
        ]
        if let certificate { arguments += ["-cert", "\(certificate).pem", "-key", "\(certificate).key"] }
        _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
        // Afterwards only the program has it, so that its end closes the socket.
        defer { close(ends[1]) }
        _ = try openssl(arguments, stream: ends[1], in: directory)
        return WireClient(ClientSocket(descriptor: ends[0]))
    }
}
