import Foundation
import MoldauConsole
import MoldauRecords
import ProgramSupport
import Testing

/// `moldau query`, `watch`, `explain` and `top`, which query an application's console.
struct TerminalTests {
    private let moldau = BuiltProgram("moldau")

    /// Two visits of `ada`, and one with a key that a terminal must not interpret.
    private func withCounts(_ body: @escaping @Sendable (ConsoleFixture) async throws -> Void) async throws {
        try await ConsoleFixture.run { fixture in
            for (key, time) in [("ada", 7), ("ada", 8), ("\u{1b}[2J", 9)] as [(String, Int64)] {
                try fixture.write(ConsoleFixture.visits, key, "x", at: time)
            }
            _ = try await fixture.get("/stores/counts/get?key=ada", of: "/stores/{store}/get", until: "value", is: 2)
            try await body(fixture)
        }
    }

    /// Runs the command on a thread that may block.
    private func run(_ arguments: [String], _ fixture: ConsoleFixture) async throws -> BuiltProgram.Outcome {
        let all = arguments + ["--console", "http://127.0.0.1:\(fixture.http.port)"]
        return try await onThread { [moldau] in try moldau.run(all) }
    }

    @Test func `query prints a row, entries and windows, as text and as JSON`() async throws {
        try await withCounts { fixture in
            let row = try await run(["query", "counts", "ada"], fixture)
            #expect(row.output == "KEY  VALUE  TIMESTAMP\nada  2      8\n", "\(row.errors)")
            let json = try await run(["query", "counts", "ada", "--json"], fixture)
            #expect(json.output == "[{\"key\":\"ada\",\"timestamp\":8,\"value\":2}]\n")
            let all = try await run(["query", "counts", "--limit", "1"], fixture)
            #expect(all.output.split(separator: "\n").count == 2 && all.errors.contains("--limit is 1"))
            #expect(try await run(["query", "counts", "--reverse"], fixture).output.contains("\\u{1b}[2J"))
            let windows = try await run(["query", "hourly", "ada"], fixture)
            #expect(windows.output == "KEY  START  END    VALUE\nada  0      10000  2\n", "\(windows.errors)")
            let missing = try await run(["query", "counts", "bob"], fixture)
            #expect(missing.status == 1 && missing.errors.contains("moldau explain counts KEY"))
            let unknown = try await run(["query", "nope", "bob"], fixture)
            #expect(unknown.status == 1 && unknown.errors.contains("counts"), "the error names the existing stores")
        }
    }

    @Test func `watch prints a store's content, one line per change`() async throws {
        try await withCounts { fixture in
            let lines = try await run(["watch", "counts", "--snapshot", "--max-changes", "2"], fixture)
            #expect(lines.status == 0 && lines.output.contains("\t"), "\(lines.errors)")
            #expect(lines.output.split(separator: "\n").count == 2)
            let windows = try await run(["watch", "hourly", "--snapshot", "--max-changes", "2"], fixture)
            let rows = windows.output.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
            #expect(windows.status == 0 && rows.count == 2, "\(windows.errors)")
            #expect(rows.allSatisfy { $0.count == 4 && $0[1] == "0" && $0[2] == "10000" }, "\(rows)")
            let json = try await run(["watch", "sessions", "--snapshot", "--max-changes", "1", "--json"], fixture)
            #expect(json.output.contains("\"start\":") && json.output.contains("\"end\":"), "\(json.errors)")
            let refused = try await run(["watch", "nope"], fixture)
            #expect(refused.status == 1 && refused.errors.contains("hourly"), "the error names the existing stores")
        }
    }

    @Test func `explain and top print what the page shows`() async throws {
        try await withCounts { fixture in
            let why = try await run(["explain"], fixture)
            #expect(
                why.output.hasPrefix("app is running.\n") && why.output.contains("Records by node:"), "\(why.errors)")
            let key = try await run(["explain", "counts", "bob"], fixture)
            #expect(key.output.hasPrefix("'counts' has no value for the key bob.\n"), "\(key.errors)")
            let top = try await run(["top", "--views", "1"], fixture)
            #expect(top.output.hasPrefix("app is running") && top.output.contains("NODE "), "\(top.errors)")
            #expect(top.output.contains("TASK ") && !top.output.contains("\u{1b}"))
        }
    }

    @Test func `a console that does not answer and an invalid address are reported`() throws {
        let nobody = try moldau.run(["explain", "--console", "http://127.0.0.1:1"])
        #expect(nobody.status == 1 && nobody.errors.contains("no console answers at http://127.0.0.1:1"))
        let wrong = try moldau.run(["top", "--console", "localhost:8080"])
        #expect(wrong.status != 0 && wrong.errors.contains("--console takes http://HOST:PORT"))
    }

    @Test func `a token is sent with the request`() async throws {
        try await ConsoleFixture.run(at: .localhost(0, token: "secret")) { fixture in
            let refused = try await run(["explain"], fixture)
            #expect(refused.status == 1 && refused.errors.contains("token"))
            let file = FileManager.default.temporaryDirectory.appending(path: "moldau-token-\(UUID())").path
            try Data("secret\n".utf8).write(to: URL(filePath: file))
            defer { try? FileManager.default.removeItem(atPath: file) }
            let taken = try await run(["explain", "--token-file", file], fixture)
            #expect(taken.status == 0, "\(taken.errors)")
        }
    }
}
