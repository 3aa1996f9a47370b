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

    @Test(arguments: [("swift-nio-ssl", "NIOSSL", "2.37.0"), ("swift-configuration", "Configuration", "1.4.0")])
    func `a library that would build packages of others is refused`(
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

    @Test func `every public operator has an example, and every example is tested`() throws {
        let outcome = try python("extract_examples.py", [BuiltProgram.repository.path, "--check"])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    @Test func `an operator without an example, and an example that nobody tests, are found`() throws {
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
            for (name, text) in files {
                let file = root.appending(path: name)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: file)
            }
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

    private func python(_ script: String, _ arguments: [String]) throws -> BuiltProgram.Outcome {
        let path = BuiltProgram.repository.appending(path: "Tests/Tools/\(script)").path
        return try BuiltProgram(path: "/usr/bin/env").run(["python3", path] + arguments)
    }
}
