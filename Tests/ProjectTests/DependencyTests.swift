import Foundation
import ProgramSupport
import Testing

/// Rules of the repository that the compiler does not check.
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

    @Test func `a table of layers that does not match the targets is refused`() throws {
        try withTemporaryDirectory { root in
            let tools = BuiltProgram.repository.appending(path: "Tests/Tools")
            var files = [
                "Sources/MoldauRecords/Record.swift": "import Foundation\n",
                "Sources/MoldauLog/Log.swift": "import MoldauRecords\n",
                "Docs/Architecture.md": """
                | Target | Owns | Imports | Of other packages |
                | --- | --- | --- | --- |
                | `MoldauLog` | Files of a `Partition` | `MoldauRecords` | `Logging` |
                | `MoldauWire` | Messages | `MoldauRecords` | – |
                """,
            ]
            for tool in ["check_dependencies.py", "tidy.py"] {
                files["Tests/Tools/\(tool)"] = try String(contentsOf: tools.appending(path: tool), encoding: .utf8)
            }
            try write(files, into: root)
            let program = BuiltProgram(path: "/usr/bin/env")
            let outcome = try program.run(["python3", root.appending(path: "Tests/Tools/check_dependencies.py").path])
            #expect(outcome.status == 1)
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(
                lines.dropLast() == [
                    "Docs/Architecture.md: MoldauLog does not import Logging",
                    "MoldauRecords: not in the table of Docs/Architecture.md; say there what it may import",
                    "Docs/Architecture.md: there is no target MoldauWire",
                ], "\(outcome.output)\(outcome.errors)")
        }
    }

    @Test(arguments: [("swift-nio-ssl", "NIOSSL", "2.37.0"), ("swift-configuration", "Configuration", "1.4.0")])
    func `a library product that would build an unneeded package is refused`(
        package: String, module: String, version: String
    ) throws {
        try withTemporaryDirectory { root in
            for folder in ["Sources/MoldauRecords", "Sources/MoldauWire"] {
                try FileManager.default.createDirectory(
                    at: root.appending(path: folder), withIntermediateDirectories: true)
            }
            let manifest = """
                // swift-tools-version: 6.2
                import PackageDescription
                let package = Package(
                    name: "p", products: [.library(name: "Moldau", targets: ["MoldauWire"])],
                    dependencies: [.package(url: "https://github.com/apple/\(package)", from: "\(version)")],
                    targets: [
                        .target(
                            name: "MoldauRecords", dependencies: [.product(name: "\(module)", package: "\(package)")]),
                        .target(name: "MoldauWire", dependencies: ["MoldauRecords"]),
                    ])
                """
            try Data(manifest.utf8).write(to: root.appending(path: "Package.swift"))
            let outcome = try python("check_dependencies.py", [root.path])
            #expect(outcome.status == 1)
            #expect(outcome.output.contains("the product Moldau builds \(package)"), "\(outcome.output)")
        }
    }

    /// A package whose targets import what they do not declare, and declare what they do not import.
    private static let undeclaring = [
        "Package.swift": """
        // swift-tools-version: 6.2
        import PackageDescription
        let package = Package(
            name: "p",
            dependencies: [.package(url: "https://github.com/apple/swift-log", from: "1.6.0")],
            targets: [
                .target(name: "CFiles"),
                .target(name: "MoldauRecords", dependencies: ["CFiles"]),
                .target(
                    name: "MoldauLog",
                    dependencies: ["CFiles", "MoldauRecords", .product(name: "Logging", package: "swift-log")]),
                .executableTarget(name: "crash-writer", path: "Tests/CrashWriter"),
                .executableTarget(name: "state-holder", path: "Tests/StateHolder"),
                .testTarget(
                    name: "LogTests", dependencies: ["MoldauLog", "crash-writer", "state-holder"], exclude: ["Cases"]),
            ])
        """,
        "Sources/CFiles/include/files.h": "", "Sources/CFiles/files.c": "",
        "Sources/MoldauRecords/Record.swift": "import Foundation\n",
        "Sources/MoldauLog/Log.swift": "internal import MoldauRecords\n#if os(Linux)\n    import CFiles\n#endif\n",
        "Tests/CrashWriter/main.swift": "", "Tests/StateHolder/main.swift": "import MoldauLog\n",
        "Tests/LogTests/LogTests.swift": #"""
        import Testing
        /* import One */
        @testable import MoldauLog
        @_exported public import struct MoldauRecords.Record
        let program = "crash-writer"
        let text = """
            import Two
            """
        """#, "Tests/LogTests/Cases/Case.swift": "import Three\n",
    ]

    @Test func `undeclared imports are refused, and so are declarations without an import`() throws {
        try withTemporaryDirectory { root in
            try write(Self.undeclaring, into: root)
            let outcome = try python("check_dependencies.py", [root.path])
            #expect(outcome.status == 1)
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(
                lines.dropLast() == [
                    "Package.swift: MoldauRecords declares that it depends on CFiles, but does not import it",
                    "Package.swift: MoldauLog declares that it depends on Logging, but does not import it",
                    "Tests/StateHolder/main.swift:1: state-holder does not declare that it depends on MoldauLog",
                    "Tests/LogTests/LogTests.swift:4: LogTests does not declare that it depends on MoldauRecords",
                    "Package.swift: LogTests declares that it depends on state-holder, but does not import it",
                ], "\(outcome.output)\(outcome.errors)")
        }
    }

    @Test func `every public operator has an example, and every example is tested`() throws {
        let outcome = try python("extract_examples.py", [BuiltProgram.repository.path, "--check"])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    @Test func `an operator without an example, and an example without a test, are found`() throws {
        try withTemporaryDirectory { root in
            let files = [
                "Sources/Moldau/Stream/Bad.swift": """
                /// Does something.
                public func bare() {}
                /// As `bare`, differently.
                public func barer() {}
                /// Shows.
                ///
                /// ```swift
                /// let all = lines
                /// // lines: 1=a
                /// // all: 1=a
                /// ```
                public func shown() {}
                """,
                "Tests/DocumentationTests/Example.swift": "    lazy var lines = 1\n", "README.md": "",
                "Docs/Page.md": "",
                "Tests/DocumentationTests/Generated/Old.swift": "",
            ]
            try write(files, into: root)
            let outcome = try python("extract_examples.py", [root.path, "--check"])
            #expect(outcome.status == 1)
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(
                lines == [
                    "Sources/Moldau/Stream/Bad.swift:2: bare has no example with its results",
                    "Sources/Moldau/Stream/Bad.swift:4: barer refers to bare, which has no example here",
                    "Old.swift is not what the documentation says: run `make examples`",
                    "StreamExamples.swift is not what the documentation says: run `make examples`",
                ])
        }
    }

    /// Writes files by their names, with the folders that they need.
    private func write(_ files: [String: String], into root: URL) throws {
        for (name, text) in files {
            let file = root.appending(path: name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
    }

    private func python(_ script: String, _ arguments: [String]) throws -> BuiltProgram.Outcome {
        let path = BuiltProgram.repository.appending(path: "Tests/Tools/\(script)").path
        return try BuiltProgram(path: "/usr/bin/env").run(["python3", path] + arguments)
    }
}
