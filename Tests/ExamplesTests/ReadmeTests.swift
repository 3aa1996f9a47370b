import Foundation
import ProgramSupport
import Testing

/// The README's first application, built and run by the README's own steps. `Tests/Newcomer` holds its files.
struct ReadmeTests {
    /// The lines of the n-th block that begins with the fence.
    private static func block(_ fence: String, _ number: Int = 0, in page: String = "README.md") throws -> [String] {
        let text = try String(contentsOf: BuiltProgram.repository.appending(path: page), encoding: .utf8)
        let lines = text.components(separatedBy: "\n")
        let starts = lines.indices.filter { lines[$0] == fence }
        try #require(number < starts.count)
        return Array(lines[(starts[number] + 1)...].prefix { $0 != "```" })
    }

    /// Runs the application until half a second after it prints that it is running, and ends it as Control-C does.
    private func runApplication(in directory: URL) throws -> BuiltProgram.Outcome {
        let program = try BuiltProgram("WordCounter").start([], in: directory, workingDirectory: directory)
        defer { program.kill() }
        let limit = ContinuousClock.now + .seconds(60)
        while try !program.errorsSoFar().contains("word-counter is running"), ContinuousClock.now < limit {
            Thread.sleep(forTimeInterval: 0.01)
        }
        Thread.sleep(forTimeInterval: 0.5)
        program.interrupt()
        return try program.wait()
    }

    @Test func `the steps of the README give the documented results`() throws {
        let expected = try Self.block("```text").map { $0.split(separator: " ") }
        try withTemporaryDirectory { directory in
            let tools = BuiltProgram("moldau").url.deletingLastPathComponent().path
            var printed: [[Substring]] = []
            for line in try Self.block("```sh") {
                if line.hasPrefix("swift run WordCounter") {
                    let outcome = try runApplication(in: directory)
                    #expect(outcome.status == 0, "\(outcome.errors)")
                    continue
                }
                func step() throws -> [[Substring]] {
                    let command = "cd '\(directory.path)' && PATH='\(tools)':$PATH && \(line)"
                    let outcome = try BuiltProgram(path: "/bin/sh").run(["-c", command])
                    #expect(outcome.status == 0, "\(line): \(outcome.errors)")
                    return outcome.output.split(separator: "\n").map { $0.split(separator: "\t") }
                }
                printed = try step()
                // On a busy machine half a second may be too short.
                let limit = ContinuousClock.now + .seconds(60)
                while line.hasPrefix("moldau consume"), printed.count < expected.count, ContinuousClock.now < limit {
                    _ = try runApplication(in: directory)
                    printed = try step()
                }
            }
            #expect(printed == expected)
        }
    }

    @Test func `the README's commands inspect the data of word-count, and add input to it`() throws {
        try withTemporaryDirectory { directory in
            let text = directory.appending(path: "novel.txt")
            try Data("to be\nor not to be\n".utf8).write(to: text)
            let tools = BuiltProgram("moldau").url.deletingLastPathComponent().path
            func step(_ line: String) throws -> String {
                let command = "cd '\(directory.path)' && PATH='\(tools)':$PATH && \(line)"
                let outcome = try BuiltProgram(path: "/bin/sh").run(["-c", command], input: "")
                #expect(outcome.status == 0, "\(line): \(outcome.errors)")
                return outcome.output
            }
            _ = try step("word-count novel.txt --data counts")
            let printed = try Self.block("```sh", 1).map(step)
            #expect(printed.first?.contains("text-lines\n") == true)
            #expect(printed.contains { $0.contains("to\t2\n") })
            // The line that the last command wrote; it has no key.
            #expect(try step("word-count --data counts --top 9").contains("1  line\n"))
        }
    }

    @Test func `the README's commands of the tool write and read keys and timestamps`() throws {
        try withTemporaryDirectory { directory in
            let tools = BuiltProgram("moldau").url.deletingLastPathComponent().path
            var printed = ""
            // The others need kcat and a free port 9092: 'make test-clients' runs such commands.
            let lines = try Self.block("```sh", 2) + Self.block("```sh", 3)
            for line in lines where line.contains("moldau") && !line.hasPrefix("moldau broker") {
                let command = "cd '\(directory.path)' && PATH='\(tools)':$PATH && \(line)"
                let outcome = try BuiltProgram(path: "/bin/sh").run(["-c", command])
                #expect(outcome.status == 0, "\(line): \(outcome.errors)")
                printed = outcome.output
            }
            let columns = printed.split(separator: "\n").map { $0.split(separator: "\t") }
            #expect(columns.map { $0.dropFirst() } == [["ada", "/paid"]])
            #expect(Int64(columns.first?.first ?? "") ?? 0 > 1_700_000_000_000)
        }
    }

    @Test func `an application that cannot start prints the reason, and fails`() throws {
        try withTemporaryDirectory { directory in
            try Data("text".utf8).write(to: directory.appending(path: "data"))
            let outcome = try BuiltProgram("WordCounter").start([], in: directory, workingDirectory: directory).wait()
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("there is a file where a directory is needed"), "\(outcome.errors)")
            #expect(!outcome.errors.contains("Fatal error"))
        }
    }

    /// The names of a manifest's targets, as the package manager reads them.
    private static func targets(of manifest: String) throws -> [String] {
        struct Description: Decodable {
            struct Target: Decodable { var name: String }
            var targets: [Target]
        }
        return try withTemporaryDirectory { directory in
            try Data(manifest.utf8).write(to: directory.appending(path: "Package.swift"))
            let outcome = try BuiltProgram(path: "/usr/bin/env").run(
                ["swift", "package", "--package-path", directory.path, "dump-package"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            return try JSONDecoder().decode(Description.self, from: Data(outcome.output.utf8)).targets.map(\.name)
        }
    }

    // A target whose folder the reader does not have yet would not build.
    @Test func `the README's manifest has the target of its files, and Testing.md adds that of the tests`() throws {
        let file = BuiltProgram.repository.appending(path: "Tests/Newcomer/Package.swift")
        let manifest = try String(contentsOf: file, encoding: .utf8)
        #expect(try Self.targets(of: manifest) == ["WordCounter"])
        let end = "    ]\n)\n"
        try #require(manifest.hasSuffix(end))
        let added = try Self.block("```swift manifest", in: "Docs/Testing.md").joined(separator: "\n")
        let longer = "\(manifest.dropLast(end.count + 1)),\n\(added)\n\(end)"
        #expect(try Self.targets(of: longer) == ["WordCounter", "WordCounterTests"])
    }

    // MARK: Errors of the examples

    @Test(arguments: [
        ["word-count", "--data"], ["bank-transfer", "--transfers", "1", "--data"], ["word-count", "--output"],
        ["bank-transfer", "--transfers", "1", "--output"], ["order-enrichment", "--orders", "1", "--dump"],
    ])
    func `an example names the path that it cannot write`(command: [String]) throws {
        try withTemporaryDirectory { directory in
            let file = directory.appending(path: "file").path
            try Data("text".utf8).write(to: URL(filePath: file))
            let outcome = try BuiltProgram(command[0]).run(command.dropFirst() + ["\(file)/below"], input: "a b\n")
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("Error: '\(file)/below"), "\(outcome.errors)")
            #expect(outcome.errors.contains("cannot be written: Not a directory"), "\(outcome.errors)")
            #expect(!outcome.errors.contains("NSCocoaErrorDomain"))
        }
    }

    @Test(arguments: [
        ["word-count", "--threads", "3000000000"], ["word-count", "--commit-interval", "0"],
        ["bank-transfer", "--write-behind-interval", "9223372036854775807"],
        ["order-enrichment", "--partitions", "2000000000"], ["order-enrichment", "--customers", "9000000000000000000"],
    ])
    func `an example reports which number is out of bounds`(command: [String]) throws {
        let outcome = try BuiltProgram(command[0]).run(Array(command.dropFirst()), input: "a b\n")
        #expect(outcome.status == 64)
        #expect(outcome.errors.hasPrefix("Error: \(command[1]) is 1 "), "\(outcome.errors)")
        #expect(outcome.errors.contains("not \(command[2])"))
    }

    @Test(arguments: ["word-count", "order-enrichment --orders 1", "bank-transfer --transfers 1"])
    func `an example reports that its output cannot be written`(command: String) throws {
        let tools = BuiltProgram("moldau").url.deletingLastPathComponent().path
        let outcome = try BuiltProgram(path: "/bin/sh").run(
            ["-c", "echo a b | '\(tools)'/\(command) > /dev/full"])
        #expect(outcome.status == 1)
        #expect(
            outcome.errors.contains("'standard output' cannot be written: No space left on device"),
            "\(outcome.errors)")
    }
}
