import Foundation
import ProgramSupport
import Testing

/// The project's style rules, as far as a program can check them: `Tests/Tools/tidy.py`.
struct TidyTests {
    @Test func `the repository follows its own rules`() throws {
        let outcome = try tidy([BuiltProgram.repository.path])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    /// Code that breaks a rule, and the expected complaint.
    struct Offence: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let path: String
        let text: String
        let complaint: String

        init(_ name: String, _ path: String, _ text: String, _ complaint: String) {
            (testDescription, self.path, self.text, self.complaint) = (name, path, text, complaint)
        }
    }

    private static let source = "Sources/MoldauLog/Bad.swift"
    private static let page = "Sources/MoldauConsole/Page/bad.html"
    private static func lines(_ count: Int) -> String { String(repeating: "    work()\n", count: count) }

    static let offences = [
        Offence(
            "a wide line", source, "let numbers = [" + String(repeating: "1, ", count: 40) + "]\n",
            "Bad.swift:1: the line has 136 characters; 120 are possible"),
        Offence(
            "a wide line with a string", source, "show(\"a\", [" + String(repeating: "1, ", count: 40) + "])\n",
            "Bad.swift:1: the line has 133 characters; 120 are possible"),
        Offence(
            "a string after other code", source, "    show(\"" + String(repeating: "so ", count: 40) + "\")\n",
            "Bad.swift:1: the line has 132 characters; 120 are possible"),
        Offence(
            "two strings", source, "    \"" + String(repeating: "so ", count: 40) + "\" + \"on\"\n",
            "Bad.swift:1: the line has 133 characters; 120 are possible"),
        Offence(
            "a string and a comment", source, "    \"" + String(repeating: "so ", count: 40) + "\"  // Why\n",
            "Bad.swift:1: the line has 134 characters; 120 are possible"),
        Offence(
            "a wide comment", source, "// " + String(repeating: "so ", count: 50) + "\n",
            "Bad.swift:1: the line has 153 characters; 120 are possible"),
        Offence("a long file", source, lines(501), "Bad.swift:501: the file has 501 lines; 500 are possible: part it"),
        Offence(
            "a long function", source, "func long(\n    of number: Int\n) {\n\(lines(61))}\n",
            "Bad.swift:1: long has 61 lines; 60 are possible: part it"),
        Offence(
            "a long function after an attribute with spaces", source,
            "@available(*, noasync, message: \"x y\") func long(\n    of number: Int\n) {\n\(lines(61))}\n",
            "Bad.swift:1: long has 61 lines; 60 are possible: part it"),
        Offence(
            "a long initialiser", source, "struct Pair {\n    init() {\n\(lines(61))    }\n}\n",
            "Bad.swift:2: init has 61 lines; 60 are possible: part it"),
        Offence(
            "a long computed property", source, "struct Pair {\n    var sum: Int {\n\(lines(61))    }\n}\n",
            "Bad.swift:2: sum has 61 lines; 60 are possible: part it"),
        Offence(
            "a name that says nothing", source, "final class OffsetManager {}\n",
            "Bad.swift:1: 'Manager' in OffsetManager says nothing: find the noun"),
        Offence(
            "a public property without documentation", source,
            "/// Known.\npublic struct Known {\n    public var size = 0\n}\n",
            "Bad.swift:3: var size has no documentation"),
        Offence(
            "a comment without text", source, "///\npublic struct Known {}\n",
            "Bad.swift:2: struct Known has no documentation"),
        Offence(
            "a function of the package without documentation", source, "package func known() {}\n",
            "Bad.swift:1: func known has no documentation"),
        Offence(
            "a function named as a requirement of a protocol that its type does not have", source,
            """
            /// Stores.
            package protocol Storing {
                /// Stores a thing.
                func store()
            }
            /// A shelf, next to one that stores.
            package struct Shelf: Sendable {
                package func store() {}
            }
            struct Rack: Storing {}

            """,
            "Bad.swift:8: func store has no documentation"),
        Offence("an open task", source, "let size = 0  // TODO: measure\n", "Bad.swift:1: TODO: do it or leave it out"),
        Offence("code in a comment", source, "// let size = 0\n", "Bad.swift:1: code in a comment: delete it"),
        Offence(
            "a forced unwrap", source, "let first = list.first!\n",
            "Bad.swift:1: a '!' without a comment that says why the value is there"),
        Offence(
            "a forced unwrap in a string", source, #"let text = "size: \(sizes.map { "\($0)" }.first!)""# + "\n",
            "Bad.swift:1: a '!' without a comment that says why the value is there"),
        Offence(
            "a requirement without documentation", source,
            "/// Stores.\npackage protocol Storing {\n    init(size: Int)\n}\n",
            "Bad.swift:3: init of Storing has no documentation"),
        Offence(
            "the real clock", source, "let end = ContinuousClock.now + time\n",
            "Bad.swift:1: 'ContinuousClock' makes runs differ: let it come in from outside"),
        Offence(
            "real randomness", source, "let id = Int.random(in: 0..<8)\n",
            "Bad.swift:1: '.random(in:' makes runs differ: let it come in from outside"),
        Offence(
            "an unchecked type without a reason", source, "final class Held: @unchecked Sendable {}\n",
            "Bad.swift:1: '@unchecked Sendable' without a comment that says why it is safe"),
        Offence(
            "an exception without a reason", source, "let first = list.first!  // tidy" + ": yes\n",
            "Bad.swift:1: '// tidy:' without a reason"),
        Offence(
            "a forced cast", source, "let text = value as! String\n",
            "Bad.swift:1: a '!' without a comment that says why the value is there"),
        Offence(
            "a forced try", "Examples/Bad/Bad.swift", "let text = try! read()\n",
            "Bad.swift:1: a '!' without a comment that says why the value is there"),
        Offence(
            "a mistake in every build", source,
            "#if SABOTAGE\n    if files.sabotage.isEmpty { return }\n#endif\nif files.sabotage.isEmpty { return }\n",
            "Bad.swift:4: mistakes that are made on purpose stand between `#if SABOTAGE` and `#endif`"),
        Offence(
            "markup from text", page, "<script>\nlist.innerHTML = key;\n</script>\n",
            "bad.html:2: innerHTML makes markup or code from text: use nodes"),
        Offence(
            "a style in the markup", page, "<p style=\"color: red\">\n",
            "bad.html:1: the policy forbids the attribute 'style'"),
        Offence(
            "a handler in the markup", page, "<p class=\"a\" onclick='go()'>\n",
            "bad.html:1: the policy forbids the attribute 'onclick'"),
        Offence(
            "a script from outside", page, "<script src=\"//example.org/a.js\"></script>\n",
            "bad.html:1: 'src=\"//' is from outside: a page is one document"),
        Offence(
            "a wide page", page, "<p>" + String(repeating: "so ", count: 40) + "</p>\n",
            "bad.html:1: the line has 127 characters; 120 are possible"),
        Offence("an open task in a page", page, "<!-- TODO: more -->\n", "bad.html:1: TODO: do it or leave it out"),
    ]

    @Test(arguments: offences)
    func `an offence is found`(offence: Offence) throws {
        try withTemporaryDirectory { root in
            let file = root.appending(path: offence.path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(offence.text.utf8).write(to: file)
            let outcome = try tidy([root.path])
            #expect(outcome.status == 1)
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(lines.count == 2 && lines[0].hasSuffix(offence.complaint), "\(outcome.output)\(outcome.errors)")
        }
    }

    /// Code that looks like an offence but is not.
    @Test func `strings, comments and operators are not mistaken for code`() throws {
        try withTemporaryDirectory { root in
            let folder = root.appending(path: "Sources/MoldauLog")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let text = #"""
                // Why: the range of a batch = its offsets. Its end is not in it (see `end`).
                let first = list.first!  // The list was checked above.
                let text = "a TODO of \(list.map { "\($0)!" }) class FileManager!"
                if !isOpen || first != second { close() }
                func shuffle(with randomness: any RandomNumberGenerator = SystemRandomNumberGenerator()) {}
                let side = Int.random(in: 1...6, using: &randomness)
                let letters = /[^"]+/
                let pattern = #/"(\w+)!"/#
                let long = """
                    try! \(first.name) as! String
                    """  // Its own list, checked as well.
                """#
            try Data(text.utf8).write(to: folder.appending(path: "Good.swift"))
            let outcome = try tidy([root.path])
            #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        }
    }

    /// Whether it conforms itself, by an extension, by a superclass or by another protocol.
    @Test func `protocol requirements are documented at the protocol`() throws {
        try withTemporaryDirectory { root in
            let files = [
                "MoldauLog/Storing.swift": """
                /// Stores.
                package protocol Storing<Thing>: Sendable
                where Thing: Sendable {
                    /// What is stored.
                    associatedtype Thing
                    /// Its size.
                    var size: Int { get }
                    /// Stores a thing.
                    mutating func store()
                }
                extension Storing {
                    package func store() {}
                }
                """,
                "MoldauState/Shelf.swift": """
                /// A shelf.
                package protocol Shelving: Storing {}
                /// A shelf of books.
                package class Shelf<Book: Sendable>: Sendable, Shelving {
                    package typealias Thing = Book
                    /// A row of books.
                    package enum Row {}
                    package func store() {}
                }
                /// A shelf that is full.
                package final class FullShelf: Shelf<Int> {
                    package static func store() {}
                }
                extension Shelf.Row: Storing where Book: Sendable {}
                extension Shelf.Row {
                    package func store() {}
                }
                """,
            ]
            for (name, text) in files {
                let file = root.appending(path: "Sources/\(name)")
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: file)
            }
            let outcome = try tidy([root.path])
            #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        }
    }

    @Test func `a string on a line of its own may be wide`() throws {
        try withTemporaryDirectory { root in
            let folder = root.appending(path: "Sources/MoldauLog")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let wide = String(repeating: "so ", count: 40)
            let text = #"""
                show(
                    "\#(wide)\(name ?? "none")",
                    isOpen
                        ? "\#(wide)"
                        : #"\#(wide)"#)
                let text =
                    "\#(wide)"
                    + "\#(wide)"
                let long = """
                    \#(wide)
                    """
                """#
            try Data(text.utf8).write(to: folder.appending(path: "Good.swift"))
            let outcome = try tidy([root.path])
            #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        }
    }

    @Test(arguments: [
        ("MoldauLog: rebuild indexes after an unclean stop", nil),
        ("MoldauRecords, MoldauRuntime: texts are compared once", nil),
        ("bench-wire (make): a folder for each run", nil),
        ("Revert \"MoldauLog: rebuild indexes after an unclean stop\"", nil),
        ("wip", "it is not finished"),
        ("WIP: indexes", "it is not finished"),
        ("fixup! MoldauLog: rebuild indexes", "it is not finished"),
        ("Rebuild indexes after an unclean stop", "it does not begin with a place"),
        (": rebuild indexes", "it does not begin with a place"),
        ("MoldauLog: rebuild indexes.", "it ends with a full stop"),
        ("MoldauLog: rebuild " + String(repeating: "indexes ", count: 13) + "now", "it has 126 characters"),
    ])
    func `a commit's subject follows the rules`(subject: String, complaint: String?) throws {
        try withTemporaryDirectory { root in
            try git(in: root, [["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "-m", subject]])
            let outcome = try tidy(["--commits", "HEAD", root.path])
            #expect(outcome.status == (complaint == nil ? 0 : 1))
            if let complaint { #expect(outcome.output.contains(complaint), "\(outcome.output)") }
        }
    }

    /// A pull request is checked on a merge whose first parent is the main line.
    @Test func `the commits of a merge are checked too`() throws {
        try withTemporaryDirectory { root in
            let commit = ["commit", "--quiet", "--allow-empty", "-m"]
            try git(
                in: root,
                [
                    ["init", "--quiet", "--initial-branch=main"], commit + ["MoldauLog: rebuild indexes"],
                    ["checkout", "--quiet", "-b", "change"], commit + ["wip"], ["checkout", "--quiet", "main"],
                    ["branch", "base"], ["merge", "--quiet", "--no-ff", "-m", "Merge a change into main", "change"],
                ])
            let outcome = try tidy(["--commits", "base..HEAD", root.path])
            #expect(outcome.status == 1)
            let lines = outcome.output.split(separator: "\n")
            #expect(lines.count == 2 && lines[0].hasSuffix(" 'wip': it is not finished"), "\(outcome.output)")
        }
    }

    /// Runs commands of git in a repository, with a user name and address.
    private func git(in root: URL, _ commands: [[String]]) throws {
        for command in commands {
            let outcome = try BuiltProgram(path: "/usr/bin/env").run(
                ["git", "-C", root.path, "-c", "user.name=Ada", "-c", "user.email=ada@example.org"] + command)
            try #require(outcome.status == 0, "\(outcome.errors)")
        }
    }

    private func tidy(_ arguments: [String]) throws -> BuiltProgram.Outcome {
        let path = BuiltProgram.repository.appending(path: "Tests/Tools/tidy.py").path
        return try BuiltProgram(path: "/usr/bin/env").run(["python3", path] + arguments)
    }
}

/// Deliberate mistakes, with which tests show that they find them: compiled if `SABOTAGE` is defined.
struct SabotageTests {
    @Test func `deliberate mistakes are compiled into debug builds only, unless asked for`() throws {
        #expect(try definitions([:]).allSatisfy { $0 == ["debug"] })
        #expect(try definitions(["MOLDAU_SABOTAGE": "1"]).allSatisfy { $0 == [] })
    }

    /// The configurations in which each target is built with `SABOTAGE`.
    private func definitions(_ environment: [String: String]) throws -> [[String]] {
        try withTemporaryDirectory { scratch in
            let assignments = environment.map { "\($0)=\($1)" }
            let outcome = try BuiltProgram(path: "/usr/bin/env").run(
                ["-u", "MOLDAU_SABOTAGE", "-u", "MOLDAU_TESTS"] + assignments + [
                    "swift", "package", "--package-path", BuiltProgram.repository.path, "--scratch-path", scratch.path,
                    "dump-package",
                ])
            try #require(outcome.status == 0, "\(outcome.errors)")
            let manifest = try JSONDecoder().decode(Manifest.self, from: Data(outcome.output.utf8))
            let settings = manifest.targets.flatMap(\.settings).filter { $0.kind.define?.value == "SABOTAGE" }
            try #require(settings.count >= 4, "the log, the broker and their tests have it")
            return settings.map { $0.condition?.config.map { [$0] } ?? [] }
        }
    }

    private struct Manifest: Decodable {
        struct Target: Decodable { var settings: [Setting] }
        struct Setting: Decodable {
            var kind: Kind
            var condition: Condition?
        }
        struct Kind: Decodable { var define: Define? }
        struct Define: Decodable {
            var value: String
            enum CodingKeys: String, CodingKey { case value = "_0" }
        }
        struct Condition: Decodable { var config: String? }

        var targets: [Target]
    }
}
