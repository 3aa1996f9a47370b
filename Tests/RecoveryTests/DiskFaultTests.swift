import Foundation
import ProgramSupport
import Testing

/// The operating system's calls fail while a whole program runs: see `Tests/Faults/faults.c`.
struct DiskFaultTests {
    /// Counts words with faults in the calls for the log's files.
    private func countWords(_ faults: [String], in directory: URL) throws -> BuiltProgram.Outcome {
        let library = directory.appending(path: "libfaults.so").path
        let source = BuiltProgram.repository.appending(path: "Tests/Faults/faults.c").path
        let environment = BuiltProgram(path: "/usr/bin/env")
        if !FileManager.default.fileExists(atPath: library) {
            let compiled = try environment.run(["clang", "-shared", "-fPIC", "-o", library, source])
            #expect(compiled.status == 0, "\(compiled.errors)")
        }
        let input = directory.appending(path: "words").path
        try Data((0..<5_000).map { "word\($0 % 700) again\n" }.joined().utf8).write(to: URL(filePath: input))
        let others = ProcessInfo.processInfo.environment["LD_PRELOAD"].map { ":\($0)" } ?? ""
        let preloaded =
            faults.isEmpty ? [] : ["LD_PRELOAD=\(library)\(others)", "FAULT_FILES=\(directory.path)/data/topics/"]
        return try environment.run(
            preloaded + faults + [
                BuiltProgram("word-count").url.path, input, "--data", "\(directory.path)/data", "--output",
                "\(directory.path)/counts", "--top", "0", "--commit-interval", "5", "--guarantee", "exactly-once",
            ])
    }

    private func expectCounts(in directory: URL) throws {
        let lines = try String(contentsOf: directory.appending(path: "counts"), encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 701)
        #expect(lines.contains("again\t5000"))
        #expect(lines.contains("word0\t8") && lines.contains("word699\t7"))
    }

    @Test func `interrupted calls and short reads and writes change nothing`() throws {
        try withTemporaryDirectory { directory in
            for _ in 0..<2 {
                let outcome = try countWords(["FAULT_INTERRUPT=3", "FAULT_SHORT=1000"], in: directory)
                #expect(outcome.status == 0, "\(outcome.errors)")
                try expectCounts(in: directory)
            }
        }
    }

    /// Exactly once: what was counted before the fault is not counted again.
    @Test(arguments: ["FAULT_FULL=12", "FAULT_SYNC=9"])
    func `a program whose disk is full or fails ends with an error, and the next run has every word`(
        fault: String
    ) throws {
        try withTemporaryDirectory { directory in
            let failed = try countWords([fault], in: directory)
            #expect(failed.status != 0, "the fault did not occur: \(failed.output)")
            #expect(!failed.errors.isEmpty)
            let outcome = try countWords([], in: directory)
            #expect(outcome.status == 0, "\(outcome.errors)")
            try expectCounts(in: directory)
        }
    }
}
