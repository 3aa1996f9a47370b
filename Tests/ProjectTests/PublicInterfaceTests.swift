import Foundation
import ProgramSupport
import Testing

/// What the libraries offer to other packages: `Tests/Tools/public_interface.py`.
struct PublicInterfaceTests {
    @Test func `what is public is what the file names`() throws {
        let tool = BuiltProgram.repository.appending(path: "Tests/Tools/public_interface.py").path
        let outcome = try BuiltProgram(path: "/usr/bin/env").run([
            "BUILT=\(BuiltProgram("").url.path)", "python3", tool, BuiltProgram.repository.path, "--check",
        ])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }
}
