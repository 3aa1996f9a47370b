import Foundation
import ProgramSupport
import Testing

/// The compiler's messages for mistakes that are easily made: with one overload too many, it complains about something
/// else.
///
/// `Cases` has a function with one mistake per file. `expected.txt` has the errors without their columns; when they
/// improve, `DIAGNOSTICS_RECORD=1` records them again.
struct DiagnosticsTests {
    private static let folder = BuiltProgram.repository.appending(path: "Tests/DiagnosticsTests")
    private static let expected = folder.appending(path: "expected.txt")

    @Test func `the compiler's errors are the expected ones`() throws {
        let found = try errors().joined(separator: "\n") + "\n"
        if ProcessInfo.processInfo.environment["DIAGNOSTICS_RECORD"] != nil {
            try Data(found.utf8).write(to: Self.expected)
        }
        let expected = try String(contentsOf: Self.expected, encoding: .utf8)
        for difference in found.split(separator: "\n").difference(from: expected.split(separator: "\n")) {
            switch difference {
            case .insert(_, let line, _): Issue.record("unexpected error: \(line)")
            case .remove(_, let line, _): Issue.record("missing error: \(line)")
            }
        }
    }

    @Test func `every case has a mistake that is reported at its line`() throws {
        let told = Set(
            try String(contentsOf: Self.expected, encoding: .utf8).split(separator: "\n").map { line in
                line.split(separator: ":").prefix(2).joined(separator: ":")
            })
        let cases = try Self.cases().map(\.lastPathComponent).filter { $0 != "Shared.swift" }
        #expect(cases.count >= 20)
        #expect(told == Set(cases.map { "\($0):4" }))
    }

    private static func cases() throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: folder.appending(path: "Cases"), includingPropertiesForKeys: nil
        ).sorted { $0.path < $1.path }
    }

    /// The errors as `file:line: message`, sorted.
    private func errors() throws -> [String] {
        try withTemporaryDirectory { directory in
            var arguments = ["swiftc", "-typecheck", "-wmo", "-swift-version", "6", "-diagnostic-style", "llvm"]
            arguments += ["-I", BuiltProgram("Modules").url.path]
            for module in ["CChecksum", "CCompression", "CFiles", "CPrefetch", "CRocksDB"] {
                let map = BuiltProgram("\(module).build/module.modulemap").url.path
                arguments += ["-Xcc", "-fmodule-map-file=\(map)"]
            }
            arguments += ["-module-cache-path", directory.path] + (try Self.cases().map(\.path))
            let outcome = try BuiltProgram(path: "/usr/bin/env").run(arguments)
            let errors = outcome.errors.split(separator: "\n").compactMap { line -> String? in
                guard let match = line.wholeMatch(of: #/.*/([^/]+\.swift):(\d+):\d+: error: (.*)/#) else { return nil }
                return "\(match.1):\(match.2): \(match.3)"
            }
            try #require(!errors.isEmpty, "the compiler found no mistake: \(outcome.errors)")
            return errors.sorted()
        }
    }
}
