import Foundation
import Moldau
import ProgramSupport
import Testing

@testable import MoldauConsole

/// Access control at addresses that other machines can reach.
struct AccessTests {
    @Test func `an encrypted console answers clients that trust its certificate and have the token`() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "moldau-console-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let (certificate, key) = (directory.appending(path: "c.pem").path, directory.appending(path: "k.pem").path)
        let made = try await run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
            certificate,
        ])
        #expect(made.status == 0, "\(made.errors)")
        let address = ConsoleAddress.tls("127.0.0.1", 0, certificates: certificate, key: key, token: "secret")
        try await ConsoleFixture.run(at: address) { fixture in
            let url = "https://127.0.0.1:\(fixture.http.port)/topology"
            let script = """
                import ssl, sys, urllib.request
                request = urllib.request.Request(sys.argv[1], headers={"Authorization": "Bearer " + sys.argv[3]})
                print(urllib.request.urlopen(request, context=ssl.create_default_context(cafile=sys.argv[2])).status)
                """
            let right = try await run(["python3", "-c", script, url, certificate, "secret"])
            #expect(right.output == "200\n", "\(right.errors)")
            #expect(try await run(["python3", "-c", script, url, certificate, "other"]).errors.contains("401"))
        }
    }

    @Test func `a missing certificate is an error`() async throws {
        let address = ConsoleAddress.tls("127.0.0.1", 0, certificates: "/none", key: "/none", token: nil)
        let app = StreamsApplication(
            id: "app", topology: try ConsoleFixture.topology(), cluster: .embedded(at: "/none"))
        await #expect(throws: (any Error).self) { try await StreamsConsole(app, at: address).run() }
    }

    @Test func `a port that is in use is named`() async throws {
        try await ConsoleFixture.run { fixture in
            let port = fixture.http.port
            let expected = ConsoleAddressError.cannotListen(
                host: "127.0.0.1", port: port, reason: String(cString: strerror(EADDRINUSE)))
            await #expect(throws: expected) { try await StreamsConsole(fixture.app, at: .localhost(port)).run() }
        }
    }

    @Test func `an unprotected console answers every client`() async throws {
        try await ConsoleFixture.run(at: .unprotected("127.0.0.1", 0)) { fixture in
            let reply = try await fixture.http.send("/topology", headers: ["Host": "anything"])
            #expect(reply.status == 200)
        }
    }

    private func run(_ command: [String]) async throws -> BuiltProgram.Outcome {
        try await onThread { try BuiltProgram(path: "/usr/bin/env").run(command) }
    }
}
