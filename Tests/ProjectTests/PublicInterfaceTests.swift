import Foundation
import ProgramSupport
import Testing

/// What the libraries offer to other packages: `Tests/Tools/public_interface.py`.
struct PublicInterfaceTests {
    @Test func `every public declaration is in the file and has a documentation comment`() throws {
        let outcome = try check(BuiltProgram.repository, built: BuiltProgram("").url, module: nil)
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    @Test func `a public declaration without a documentation comment is refused, in protocols and enums too`() throws {
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
        let complaints = outcome.output.split(separator: "\n").filter { $0.hasSuffix("has no documentation comment") }
        #expect(
            complaints == [
                "Shelf.swift:10: enum.case Shelf.full has no documentation comment",
                "Shelf.swift:4: method Storing.store() has no documentation comment",
            ])
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
