import Foundation
import ProgramSupport
import Testing

/// The rules of the repository that no compiler keeps.
struct DependencyTests {
    @Test func `every import follows the layers`() throws {
        let outcome = try python("check_dependencies.py", [BuiltProgram.repository.path])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    @Test func `an import against the layers is refused`() throws {
        try withTemporaryDirectory { root in
            let target = root.appending(path: "Sources/MoldauRecords")
            try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
            try Data("import Foundation\ninternal import MoldauLog\n".utf8).write(
                to: target.appending(path: "Bad.swift"))
            let outcome = try python("check_dependencies.py", [root.path])
            #expect(outcome.status == 1)
            #expect(
                outcome.output.contains("Sources/MoldauRecords/Bad.swift:2: MoldauRecords must not import MoldauLog"))
        }
    }

    private func python(_ script: String, _ arguments: [String]) throws -> BuiltProgram.Outcome {
        let path = BuiltProgram.repository.appending(path: "Tests/Tools/\(script)").path
        return try BuiltProgram(path: "/usr/bin/env").run(["python3", path] + arguments)
    }
}
