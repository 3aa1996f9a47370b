import Foundation
import ProgramSupport
import Testing

/// `make bench-wire`, in a form that only shows that it works.
struct WireLoadTests {
    @Test func `the broker is measured in every way, and each aim is judged`() throws {
        try withTemporaryDirectory { directory in
            let outcome = try BuiltProgram(path: "/usr/bin/env").run([
                "python3", BuiltProgram.repository.appending(path: "Tests/Tools/bench_wire.py").path, "--short",
                "--program", BuiltProgram("moldau").url.path, "--load", BuiltProgram("wire-load").url.path,
                "--folder", directory.path,
            ])
            #expect(outcome.status == 0, "\(outcome.errors)")
            let lines = outcome.output.split(separator: "\n")
            #expect(lines.count { $0.hasPrefix("os ") || $0.hasPrefix("sync ") } == 17, "\(outcome.output)")
            #expect(lines.count { $0.hasPrefix("met ") || $0.hasPrefix("missed ") } == 4)
        }
    }
}
