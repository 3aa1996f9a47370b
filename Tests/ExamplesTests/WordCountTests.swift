import Foundation
import ProgramSupport
import Testing

/// `word-count`, run the way users run it, against counts of a separate Python program.
struct WordCountTests {
    private let wordCount = BuiltProgram("word-count")

    private static let text = """
        The quick brown fox  jumps\tover the lazy dog.
        Äpfel und äpfel, ÄPFEL; naïve 日本 日本 🙂\u{2003}🙂
        \r
           the end\u{a0}THE END
        ένας ΕΝΑΣ
        last line without an end
        """

    private func python(_ script: String, _ arguments: [String]) throws -> BuiltProgram.Outcome {
        let path = BuiltProgram.repository.appending(path: "Tests/Tools/\(script)").path
        return try BuiltProgram(path: "/usr/bin/env").run(["python3", path] + arguments)
    }

    /// Counts the file with both programs and compares every word.
    private func expectAgreement(
        _ files: [URL], _ options: [String], in directory: URL, at location: SourceLocation = #_sourceLocation
    ) throws -> BuiltProgram.Outcome {
        let output = directory.appending(path: "counts.tsv")
        let outcome = try wordCount.run(files.map(\.path) + options + ["--output", output.path])
        #expect(outcome.status == 0, "\(outcome.errors)", sourceLocation: location)
        let expected = try python("count_words.py", files.map(\.path)).output
        #expect(!expected.isEmpty, sourceLocation: location)
        #expect(try String(contentsOf: output, encoding: .utf8) == expected, sourceLocation: location)
        return outcome
    }

    private func write(_ text: String, to name: String, in directory: URL) throws -> URL {
        let url = directory.appending(path: name)
        try Data(text.utf8).write(to: url)
        return url
    }

    @Test(arguments: [[], ["--threads", "3"], ["--durability", "sync", "--commit-interval", "5"]])
    func `counts match those of an independent program`(options: [String]) throws {
        try withTemporaryDirectory { directory in
            let first = try write(Self.text, to: "first.txt", in: directory)
            let many = (0..<3_000).map { "word\($0 % 97) word\($0 % 7)\n" }.joined()
            let second = try write(many, to: "second.txt", in: directory)
            _ = try expectAgreement([first, second], options, in: directory)
        }
    }

    @Test func `the most frequent words of standard input are printed`() throws {
        let outcome = try wordCount.run(["--top", "2"], input: "b a\nA c a\nB d\n")
        #expect(outcome.output == "3  a\n2  b\n")
        #expect(outcome.errors.contains("7 words, 4 different ones"))
    }

    @Test func `the text files of a folder are read, except hidden ones`() throws {
        try withTemporaryDirectory { directory in
            let folder = directory.appending(path: "texts/below")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            _ = try write("one", to: "texts/a.txt", in: directory)
            _ = try write("one two", to: "texts/below/b.txt", in: directory)
            _ = try write("hidden", to: "texts/.c", in: directory)
            _ = try write("binary \0 bytes", to: "texts/d.bin", in: directory)
            let outcome = try wordCount.run([directory.appending(path: "texts").path])
            #expect(outcome.output == "2  one\n1  two\n")
        }
    }

    @Test func `bytes that are not text are replaced`() throws {
        try withTemporaryDirectory { directory in
            let file = directory.appending(path: "file")
            try Data([0x61, 0xff, 0x20, 0x62]).write(to: file)
            _ = try expectAgreement([file], [], in: directory)
        }
    }

    // MARK: Repeated runs

    @Test func `a second run counts only what is new`() throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            let file = try write("one two\ntwo", to: "file.txt", in: directory)
            _ = try expectAgreement([file], ["--data", data], in: directory)
            let again = try expectAgreement([file], ["--data", data], in: directory)
            #expect(again.errors.contains("restart: nothing to replay"))

            let grown = try write("one two\ntwo three\nfour\n", to: "file.txt", in: directory)
            let other = try write("one\n", to: "other.txt", in: directory)
            _ = try expectAgreement([grown, other], ["--data", data], in: directory)
        }
    }

    @Test func `a file that is shorter than the counted part is reported`() throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            let file = try write("one two three\n", to: "file.txt", in: directory)
            try wordCount.run([file.path, "--data", data])
            _ = try write("one\n", to: "file.txt", in: directory)
            let outcome = try wordCount.run([file.path, "--data", data])
            #expect(outcome.errors.contains("is shorter than the part that was already counted"))
            #expect(outcome.output == "1  one\n1  three\n1  two\n")
        }
    }

    @Test(arguments: ["at-least-once", "exactly-once"])
    func `no word is lost when the program is killed`(guarantee: String) throws {
        let kills =
            guarantee == "exactly-once" ? ["--kills", "20", "--longest", "0.5"] : ["--kills", "3", "--longest", "0.5"]
        let options = kills + ["--words", "150000", "--guarantee", guarantee]
        let outcome = try python("kill_word_count.py", ["--program", wordCount.url.path] + options)
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("0 under-counted; 0 strange"))
        if guarantee == "exactly-once" { #expect(outcome.output.contains(" 0 counted twice")) }
    }

    // MARK: Invalid arguments

    @Test(arguments: [
        (["--guarantee", "at-most-once"], "--guarantee"),
        (["/nowhere/at/all"], "there is no file or folder '/nowhere/at/all'"),
        (["--durability", "sometimes"], "--durability"),
        (["--threads", "0"], "--threads is 1 to 1000, not 0"),
    ])
    func `invalid arguments are rejected`(arguments: [String], sentence: String) throws {
        let outcome = try wordCount.run(arguments)
        #expect(outcome.status != 0)
        #expect(outcome.errors.contains(sentence), "\(outcome.errors)")
    }
}
