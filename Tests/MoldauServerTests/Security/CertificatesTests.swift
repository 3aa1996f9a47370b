import Foundation
import Logging
import MoldauWire
import NIOSSL
import ProgramSupport
import Testing

@testable import MoldauServer

/// Certificates that change while a server runs.
@Suite struct CertificatesTests {
    /// Replaces a server's certificate by that of another authority.
    private static func replace(_ files: TLSFiles, by other: TLSFiles) throws {
        for name in ["server.key", "server.pem"] {
            let bytes = try Data(contentsOf: URL(filePath: "\(other.directory)/\(name)"))
            try bytes.write(to: URL(filePath: "\(files.directory)/\(name)"), options: .atomic)
        }
    }

    @Test func `a replaced certificate is used for new connections, and existing ones stay open`() async throws {
        let (files, other) = (try TLSFiles(), try TLSFiles())
        var options = ServerOptions()
        options.tls = files.options
        try await withServer(options, listening: ListenAddress(host: "127.0.0.1", port: 0, security: .ssl)) { address in
            let old = try TLSFiles.client(in: files.directory, of: address)
            #expect(try old.topics() == ["t"])
            try Self.replace(files, by: other)
            usleep(1_100_000)
            #expect(try TLSFiles.client(in: other.directory, of: address).topics() == ["t"])
            #expect(try old.topics() == ["t"])
            // A client that trusts only the old authority does not trust it.
            let stranger = try TLSFiles.client(in: files.directory, of: address)
            #expect(throws: (any Error).self) { try stranger.topics() }
        }
        withExtendedLifetime((files, other)) {}
    }

    @Test func `unusable files are logged once and change nothing, until they are replaced`() throws {
        let (files, other) = (try TLSFiles(), try TLSFiles())
        let log = GatheredLog(level: .trace)
        let now = ContinuousClock.now
        let certificates = try Certificates(files.options, at: now, log.logger)
        let first = certificates.context
        certificates.look()
        #expect(certificates.context === first)
        // The key of one, the certificate of another: as between the two steps of a replacement.
        let key = try Data(contentsOf: URL(filePath: "\(other.directory)/server.key"))
        try key.write(to: URL(filePath: "\(files.directory)/server.key"))
        for _ in 0..<3 { certificates.look() }
        #expect(certificates.context === first)
        #expect(log.all.filter { $0.contains("cannot be used") }.count == 1)
        try FileManager.default.removeItem(atPath: files.options.certificatePath)
        certificates.look()
        #expect(certificates.context === first)
        try Self.replace(files, by: other)
        certificates.look()
        #expect(certificates.context !== first)
        #expect(log.all.contains { $0.contains("was reloaded") })
    }

    @Test func `files are checked once a second`() throws {
        let files = try TLSFiles()
        let now = ContinuousClock.now
        let certificates = try Certificates(files.options, at: now, GatheredLog().logger)
        #expect(!certificates.isLookDue(at: now + .milliseconds(999)))
        #expect(certificates.isLookDue(at: now + .seconds(1)))
        #expect(!certificates.isLookDue(at: now + .milliseconds(1_500)))
        #expect(certificates.isLookDue(at: now + .seconds(2)))
    }
}
