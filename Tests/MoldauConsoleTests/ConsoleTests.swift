import Foundation
import Moldau
import MoldauRecords
import Testing

@testable import MoldauConsole

/// The console of a running application, over its socket.
struct ConsoleTests {
    // MARK: Health

    @Test func `an application is live before it runs, and ready when it runs`() async throws {
        try await ConsoleFixture.run(starts: false) { fixture in
            #expect(try await fixture.http.send("/live").status == 200)
            let before = try await fixture.get("/ready", of: "/ready", status: 503)
            #expect(before["ready"] == false && before["state"] == "created")
            #expect(before["reason"] == "the application is created")
            let status = try await fixture.get("/status", of: "/status")
            #expect(status["state"] == "created" && status["threads"] == [] && status["startedAt"] == nil)
            let app = fixture.app
            try await onThread { try app.start() }
            _ = try await fixture.get("/status", of: "/status", until: "state", is: "running")
            #expect(try await fixture.get("/ready", of: "/ready")["ready"] == true)
            try await onThread { try app.stop() }
            #expect(try await fixture.get("/ready", of: "/ready", status: 503)["state"] == "notRunning")
        }
    }

    private func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}

extension [String] {
    fileprivate func asEntries(value: JSON, at time: Int64) -> JSON {
        .list(map { ["key": .text($0), "value": value, "timestamp": .integer(time)] })
    }
}
