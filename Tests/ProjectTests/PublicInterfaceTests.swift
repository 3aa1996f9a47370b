import Foundation
import ProgramSupport
import Testing

/// What the libraries offer to other packages: `Tests/Tools/public_interface.py`.
struct PublicInterfaceTests {
    @Test func `every public declaration is in the file and has a documentation comment`() throws {
        let outcome = try check(BuiltProgram.repository, built: BuiltProgram("").url, module: nil)
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    @Test func `a public declaration without complete documentation is refused`() throws {
        let package = FileManager.default.temporaryDirectory.appending(path: "interface-\(UUID().uuidString)")
        let modules = package.appending(path: "Modules")
        try FileManager.default.createDirectory(at: modules, withIntermediateDirectories: true)
        try FileManager.default.createDirectory(
            at: package.appending(path: "Tests/ProjectTests"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: package) }
        let source = package.appending(path: "Shelf.swift")
        try Data(Self.shelf.utf8).write(to: source)
        let compiled = try BuiltProgram(path: "/usr/bin/env").run([
            "swiftc", "-emit-module", "-parse-as-library", "-module-name", "Shelf", "-emit-module-path",
            modules.appending(path: "Shelf.swiftmodule").path, source.path,
        ])
        try #require(compiled.status == 0, "\(compiled.errors)")
        let outcome = try check(package, built: package, module: "Shelf")
        #expect(outcome.status == 1)
        let complaints = outcome.output.split(separator: "\n").filter { $0.hasPrefix("Shelf.swift") }
        #expect(
            complaints == [
                "Shelf.swift:10: enum.case Shelf.full has no documentation comment",
                "Shelf.swift:15: Parameter 'count' is missing documentation",
                "Shelf.swift:15: Parameter 'weight' not found in instance method declaration",
                "Shelf.swift:4: method Storing.store() has no documentation comment",
            ])
    }

    /// So no library can be forgotten.
    @Test func `the interface is that of all libraries and of the modules that they re-export`() throws {
        try withTemporaryDirectory { root in
            let files = [
                "Package.swift": """
                // swift-tools-version: 6.2
                import PackageDescription
                let package = Package(
                    name: "p",
                    products: [
                        .library(name: "Shelves", targets: ["Shelf", "Rack"]),
                        .executable(name: "tool", targets: ["Tool"]),
                        .library(name: "MoldauProtobuf", targets: ["MoldauProtobuf"]),
                    ],
                    targets: [
                        .target(name: "Shelf", dependencies: ["Wood", "Nails"]),
                        .target(name: "Rack"), .target(name: "Nails"),
                        .target(name: "Wood", dependencies: ["Trees"]), .target(name: "Trees"),
                        .target(name: "MoldauProtobuf"), .executableTarget(name: "Tool"),
                    ])
                """,
                "Sources/Shelf/Shelf.swift": """
                @_exported public import Foundation
                @_exported public import Wood
                import Nails
                """,
                "Sources/Wood/Wood.swift": "@_exported public import struct Trees.Oak\n",
            ]
            for (name, text) in files {
                let file = root.appending(path: name)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: file)
            }
            let tool = BuiltProgram.repository.appending(path: "Tests/Tools/public_interface.py").path
            let outcome = try BuiltProgram(path: "/usr/bin/env").run(["python3", tool, root.path, "--modules"])
            #expect(outcome.output == "Rack\nShelf\nTrees\nWood\n", "\(outcome.errors)")
        }
    }

    private static let shelf = """
        /// Stores things.
        public protocol Storing {
            // Only `///` documents.
            func store()
        }
        /// A shelf.
        public enum Shelf: CustomStringConvertible {
            /// There is room.
            case empty
            case full
            public var description: String { "shelf" }
            /// Adds things.
            /// - Parameters:
            ///   - thing: a thing.
            ///   - weight: its weight.
            public func add(_ thing: String, times count: Int) {}
        }
        """

    private func check(_ repository: URL, built: URL, module: String?) throws -> BuiltProgram.Outcome {
        let tool = BuiltProgram.repository.appending(path: "Tests/Tools/public_interface.py").path
        return try BuiltProgram(path: "/usr/bin/env").run(
            ["BUILT=\(built.path)"] + (module.map { ["MODULE=\($0)"] } ?? []) + [
                "python3", tool, repository.path, "--check",
            ])
    }
}
