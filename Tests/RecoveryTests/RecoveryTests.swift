import Foundation
import ProgramSupport
import Testing

/// Short forms of `make bench-restore` and `make restart`.
struct RecoveryTests {
    private let recovery = BuiltProgram("recovery")

    @Test func `a store that was lost is restored completely from its changelog`() throws {
        let outcome = try recovery.run(["restore", "--records", "10000"])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("restore records 13334 "))
        #expect(outcome.output.contains(" rows 10000 "))
    }

    /// 8 MiB of state, of which 1 MiB may wait in memory. With so little state, a large part of it may not have been
    /// flushed by RocksDB on a slow machine: the tool's limit of a tenth is meant for a gibibyte.
    @Test func `after a kill only a small part of the changelog is replayed`() throws {
        let script = BuiltProgram.repository.appending(path: "Tests/Tools/kill_large_state.py").path
        let outcome = try BuiltProgram(path: "/usr/bin/env").run([
            "python3", script, "--program", recovery.url.path, "--mebibytes", "8", "--kills", "2", "--cache", "1",
            "--load", "0.5", "--seconds", "30", "--share", "0.4",
        ])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("0 of 2 restarts were too slow or replayed too much"))
    }
}
