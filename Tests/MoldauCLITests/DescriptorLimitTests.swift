import Foundation
import ProgramSupport
import Testing

/// Programs that may open only a few files.
struct DescriptorLimitTests {
    private let moldau = BuiltProgram("moldau")
    private let shell = BuiltProgram(path: "/bin/sh")

    @Test func `a hundred partitions are written and read by a process that may open forty files`() throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            func run(_ command: String, input: String? = nil) throws -> BuiltProgram.Outcome {
                let limited = "ulimit -n 40; exec '\(moldau.url.path)' \(command) --data '\(data)'"
                return try shell.run(["-c", limited], input: input)
            }
            let created = try run("topics create orders --partitions 100")
            #expect(created.status == 0, "\(created.errors)")
            let lines = (0..<2_000).map { "key-\($0):\($0)\n" }.joined()
            for round in 1...2 {
                let written = try run("produce orders --key-separator :", input: lines)
                #expect(written.status == 0, "\(written.errors)")
                let printed = try run("consume orders --partitions")
                #expect(printed.status == 0, "\(printed.errors)")
                let rows = printed.output.split(separator: "\n")
                #expect(rows.count == round * 2_000)
                #expect(Set(rows.map { $0.prefix { $0 != "\t" } }).count == 100)
            }
        }
    }
}
