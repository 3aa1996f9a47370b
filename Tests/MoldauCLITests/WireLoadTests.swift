import Foundation
import ProgramSupport
import Testing

/// `make bench-wire` and `make hostile`, in short forms that only check that they work, and that the broker withstands
/// them.
struct WireLoadTests {
    private func run(_ tool: String, _ options: [String]) throws -> BuiltProgram.Outcome {
        try BuiltProgram(path: "/usr/bin/env").run(
            [
                "python3", BuiltProgram.repository.appending(path: "Tests/Tools/\(tool).py").path,
                "--program", BuiltProgram("moldau").url.path, "--load", BuiltProgram("wire-load").url.path,
            ] + options)
    }

    @Test func `each benchmark runs, and each target is judged`() throws {
        let outcome = try run("bench_wire", ["--short"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.count { $0.hasPrefix("os ") || $0.hasPrefix("sync ") } == 17, "\(outcome.output)")
        #expect(lines.count { $0.hasPrefix("met ") || $0.hasPrefix("missed ") } == 4)
    }

    @Test func `well-behaved clients are answered beside hostile ones, and memory is bounded`() throws {
        let outcome = try run("hostile", ["--seconds", "2", "--idle", "300", "--each", "4"])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("amid the hostile: fetch: "), "\(outcome.output)")
    }
}
