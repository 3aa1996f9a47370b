import Foundation
import ProgramSupport
import Testing

/// The commands, run the way users run them.
struct CommandTests {
    private let moldau = BuiltProgram("moldau")

    /// A data directory with the topic `orders` of two partitions.
    private func withOrders(_ body: (_ data: String) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            try moldau.expectSuccess([
                "topics", "create", "orders", "--partitions", "2", "--set", "retention.ms=-1", "--data", data,
            ])
            try body(data)
        }
    }

    // MARK: Topics

    @Test func `creates, lists, describes and deletes topics`() throws {
        try withOrders { data in
            try moldau.expectSuccess(["topics", "create", "customers", "--data", data])
            #expect(try moldau.expectSuccess(["topics", "list", "--data", data]) == "customers\norders\n")
            let description = try moldau.expectSuccess(["topics", "describe", "orders", "--data", data])
            #expect(
                description == """
                    orders: partitions 2, offsets held 0
                      cleanup.policy=delete (default)
                      index.interval.bytes=4096 (default)
                      max.message.bytes=1048588 (default)
                      message.timestamp.type=CreateTime (default)
                      retention.bytes=-1 (default)
                      retention.ms=-1
                      segment.bytes=1073741824 (default)
                      segment.ms=604800000 (default)
                      partition 0: offsets 0 up to, not including, 0
                      partition 1: offsets 0 up to, not including, 0

                    """)
            try moldau.expectSuccess(["topics", "delete", "customers", "--data", data])
            #expect(try moldau.expectSuccess(["topics", "list", "--data", data]) == "orders\n")
        }
    }

    @Test func `tells how long a topic keeps its records, also if that is the default`() throws {
        try withOrders { data in
            try moldau.expectSuccess(["topics", "create", "clicks", "--data", data])
            try moldau.expectSuccess(["topics", "create", "rows", "--set", "cleanup.policy=compact", "--data", data])
            let clicks = try moldau.expectSuccess(["topics", "describe", "clicks", "--data", data])
            #expect(clicks.contains("  retention.ms=604800000 (default; deleted after 7 days)\n"))
            let rows = try moldau.expectSuccess(["topics", "describe", "rows", "--data", data])
            #expect(rows.contains("  cleanup.policy=compact\n"))
            #expect(!rows.contains("retention.ms=604800000"))
        }
    }

    @Test func `settings of a topic change, and its records stay`() throws {
        try withOrders { data in
            try moldau.expectSuccess(
                ["produce", "orders", "--key-separator", ":", "--data", data], input: "a:1\nb:2\n")
            let configure = ["topics", "configure", "orders", "--data", data]
            #expect(
                try moldau.expectSuccess(configure + ["--set", "cleanup.policy=compact", "--unset", "retention.ms"])
                    == "orders: cleanup.policy=compact\norders: retention.ms is at its default\n")
            let description = try moldau.expectSuccess(["topics", "describe", "orders", "--data", data])
            #expect(description.hasPrefix("orders: partitions 2, offsets held 2\n  cleanup.policy=compact\n"))
            #expect(!description.contains("  retention.ms"))
            try moldau.expectFailure(
                configure + ["--set", "retention.ms=soon"], says: "'soon' is not a valid value of retention.ms")
            try moldau.expectFailure(configure + ["--unset", "retention.ms"], says: "is at its default already")
            try moldau.expectFailure(configure, says: "give --set name=value")
            #expect(try moldau.expectSuccess(["topics", "describe", "orders", "--data", data]) == description)
        }
    }

    @Test func `a misspelt setting is refused, and one without effect is told of`() throws {
        try withOrders { data in
            try moldau.expectFailure(
                ["topics", "create", "rows", "--set", "cleanup.polcy=compact", "--data", data],
                says: "there is no setting 'cleanup.polcy'; there are: cleanup.policy, compression.type, delete.")
            #expect(try moldau.expectSuccess(["topics", "list", "--data", data]) == "orders\n")
            let outcome = try moldau.run(
                ["topics", "create", "rows", "--set", "min.insync.replicas=2", "--data", data])
            #expect(outcome.status == 0)
            #expect(
                outcome.errors
                    == "'min.insync.replicas' is a setting of Kafka's that decides nothing here; it is kept\n")
            let description = try moldau.expectSuccess(["topics", "describe", "rows", "--data", data])
            #expect(description.contains("  min.insync.replicas=2 (no effect here)\n"))
        }
    }

    @Test func `a compacted topic takes no lines without keys`() throws {
        try withOrders { data in
            try moldau.expectSuccess(["topics", "create", "rows", "--set", "cleanup.policy=compact", "--data", data])
            try moldau.expectFailure(
                ["produce", "rows", "--data", data], input: "one\n",
                says: "rows is compacted, so that each record needs a key")
            try moldau.expectSuccess(["produce", "rows", "--key-separator", ":", "--data", data], input: "a:one\n")
        }
    }

    @Test(arguments: ["__consumer_offsets", "__transaction_state"])
    func `leaves the cluster's own topics alone`(topic: String) throws {
        try withOrders { data in
            try moldau.expectFailure(
                ["produce", topic, "--data", data], input: "one\n",
                says: "'\(topic)' holds the cluster's own records")
            try moldau.expectFailure(
                ["topics", "delete", topic, "--data", data], says: "'\(topic)' holds the cluster's own records")
        }
    }

    @Test func `refuses a topic that exists, and an invalid name`() throws {
        try withOrders { data in
            try moldau.expectFailure(
                ["topics", "create", "orders", "--data", data], says: "the topic 'orders' exists already")
            try moldau.expectFailure(["topics", "create", "a b", "--data", data], says: "'a b' cannot be created")
        }
    }

    // MARK: Records

    @Test func `prints what was written, with all that is asked for`() throws {
        try withOrders { data in
            try moldau.expectSuccess(
                [
                    "produce", "orders", "--data", data, "--key-separator", ":", "--partition", "1", "--timestamp",
                    "1700000000000",
                    "--header", "source=test", "--null", "-",
                ], input: "a:1\nb:2:3\nc:-\n")
            let all = ["--partitions", "--offsets", "--timestamps", "--headers", "--keys"]
            #expect(
                try moldau.expectSuccess(["consume", "orders", "--data", data] + all) == """
                    1\t0\t1700000000000\tsource=test\ta\t1
                    1\t1\t1700000000000\tsource=test\tb\t2:3
                    1\t2\t1700000000000\tsource=test\tc\tnull

                    """)
        }
    }

    @Test(arguments: [
        (["--offset", "1", "--partition", "0"], "two\nthree\n"),
        (["--from-beginning", "--max-messages", "2"], "one\ntwo\n"),
        (["--partition", "1"], ""),
    ])
    func `begins and ends where it is told to`(options: [String], printed: String) throws {
        try withOrders { data in
            try moldau.expectSuccess(
                ["produce", "orders", "--data", data, "--partition", "0"], input: "one\ntwo\nthree\n")
            #expect(try moldau.expectSuccess(["consume", "orders", "--data", data] + options) == printed)
        }
    }

    @Test func `reads and writes numbers and bytes`() throws {
        try withOrders { data in
            try moldau.expectSuccess(
                ["produce", "orders", "--data", data, "--value-type", "int64", "--partition", "0"], input: "-7\n")
            try moldau.expectSuccess(
                ["produce", "orders", "--data", data, "--value-type", "hex", "--partition", "0"],
                input: "0000000000000102\n")
            #expect(
                try moldau.expectSuccess(["consume", "orders", "--data", data, "--value-type", "int64"]) == "-7\n258\n")
            #expect(
                try moldau.expectSuccess(["consume", "orders", "--data", data, "--value-type", "hex"])
                    == "fffffffffffffff9\n0000000000000102\n")
        }
    }

    @Test func `equal keys go to one partition`() throws {
        try withOrders { data in
            let lines = (0..<100).map { "key-\($0 % 10):\($0)\n" }.joined()
            try moldau.expectSuccess(["produce", "orders", "--data", data, "--key-separator", ":"], input: lines)
            let printed = try moldau.expectSuccess(["consume", "orders", "--data", data, "--partitions", "--keys"])
            let pairs = Set(
                printed.split(separator: "\n").map { $0.split(separator: "\t").prefix(2).joined(separator: " ") })
            #expect(pairs.count == 10)
            #expect(Set(pairs.map { $0.prefix(1) }) == ["0", "1"])
        }
    }

    // MARK: Errors

    @Test func `says what to do if there is no data`() throws {
        try moldau.expectFailure(
            ["topics", "list", "--data", "/nowhere/at/all"],
            says: "there is no directory '/nowhere/at/all'; give an application's")
        try withTemporaryDirectory { directory in
            try moldau.expectFailure(["consume", "orders", "--data", directory.path], says: "holds no topics")
        }
    }

    @Test func `a directory without its file of topics is opened from its partitions`() throws {
        try withOrders { data in
            try moldau.expectSuccess(["produce", "orders", "--partition", "1", "--data", data], input: "one\n")
            try FileManager.default.removeItem(atPath: "\(data)/topics/topics.json")
            #expect(try moldau.expectSuccess(["consume", "orders", "--data", data]) == "one\n")
        }
    }

    @Test func `lists the existing topics if one is not found`() throws {
        try withOrders { data in
            try moldau.expectFailure(
                ["consume", "order", "--data", data], says: "there is no topic 'order'; there are: orders")
            try moldau.expectFailure(
                ["produce", "orders", "--partition", "2", "--data", data],
                says: "no partition 2: orders has 2, counted from 0")
        }
    }

    @Test func `says which line cannot be written`() throws {
        try withOrders { data in
            try moldau.expectFailure(
                ["produce", "orders", "--value-type", "int64", "--data", data], input: "1\n2\nthree\n",
                says: "the value 'three' in line 3 is not a whole number of 64 bits; the 2 lines before it are written")
            try moldau.expectFailure(
                ["produce", "orders", "--key-separator", "=>", "--data", data], input: "a=>1\nb\n",
                says: "line 2 has no '=>' between key and value")
        }
    }

    @Test func `says which process has the directory`() throws {
        try withOrders { data in
            try withTemporaryDirectory { directory in
                try moldau.expectSuccess(["produce", "orders", "--data", data], input: "one\n")
                let holder = try moldau.start(
                    ["consume", "orders", "--follow", "--from-beginning", "--data", data], in: directory)
                defer { holder.kill() }
                // Once it has printed the record, it holds the directory.
                let limit = ContinuousClock.now + .seconds(30)
                while try holder.outputSoFar().isEmpty, ContinuousClock.now < limit {
                    Thread.sleep(forTimeInterval: 0.01)
                }
                let outcome = try moldau.run(["topics", "list", "--data", data])
                #expect(outcome.status != 0)
                #expect(outcome.errors.contains("is in use by process"))
            }
        }
    }

    // MARK: Bytes

    /// Runs a shell command in which `$moldau` is the program and `$data` the directory.
    private func shell(_ command: String, _ data: String) throws -> BuiltProgram.Outcome {
        try BuiltProgram(path: "/usr/bin/env").run(
            ["moldau=\(moldau.url.path)", "data=\(data)", "bash", "-o", "pipefail", "-c", command])
    }

    /// A carriage return, a tab, a zero, bytes that are not UTF-8, an empty line, and a last line without a newline.
    private static let oddBytes: [UInt8] =
        Array("windows\r\n\ta\u{0}b\n".utf8) + [0xff, 0xfe, 0x0a] + Array("\nlast".utf8)

    @Test func `gives back each byte that was written`() throws {
        try withOrders { data in
            try withTemporaryDirectory { directory in
                let input = directory.appending(path: "input").path
                try Data(Self.oddBytes).write(to: URL(filePath: input))
                for type in ["string", "bytes"] {
                    let name = "copy-\(type)"
                    try moldau.expectSuccess(["topics", "create", name, "--data", data])
                    let outcome = try shell(
                        "$moldau produce \(name) --value-type bytes --data $data < \(input) && "
                            + "$moldau consume \(name) --value-type \(type) --data $data > \(input).out", data)
                    #expect(outcome.status == 0, "\(outcome.errors)")
                    #expect(try Data(contentsOf: URL(filePath: input + ".out")) == Data(Self.oddBytes + [0x0a]))
                }
            }
        }
    }

    @Test func `names the line that is not text, and writes those before it`() throws {
        try withOrders { data in
            let outcome = try shell(
                "printf 'gr\\303\\274n\\nr\\374ckw\\344rts\\nrot\\n' | $moldau produce orders --data $data", data)
            #expect(outcome.status != 0)
            #expect(outcome.errors.contains("the value in line 2 is not UTF-8 text"), "\(outcome.errors)")
            #expect(outcome.errors.contains("the line before it is written"))
            #expect(try moldau.expectSuccess(["consume", "orders", "--data", data]) == "grün\n")
        }
    }

    /// The lines before it are in the same batch, and are small enough. The second topic's limit is below the program's
    /// batch size.
    @Test(arguments: [("orders", 2_000_000, "1048588"), ("small", 700, "500"), ("orders", 9_000_000, "1048588")])
    func `a line that is too long costs no other line`(topic: String, length: Int, limit: String) throws {
        try withOrders { data in
            try moldau.expectSuccess(["topics", "create", "small", "--set", "max.message.bytes=500", "--data", data])
            let good = (1...10).map { "line \($0)\n" }.joined()
            let input = good + String(repeating: "x", count: length) + "\nafter\n"
            let outcome = try moldau.run(["produce", topic, "--partition", "0", "--data", data], input: input)
            #expect(outcome.status != 0)
            #expect(outcome.errors.contains("line 11 is"), "\(outcome.errors)")
            #expect(outcome.errors.contains(limit), "\(outcome.errors)")
            #expect(outcome.errors.contains("the 10 lines before it are written"), "\(outcome.errors)")
            #expect(try moldau.expectSuccess(["consume", topic, "--data", data]) == good)
        }
    }

    @Test func `many small lines go into a topic of small batches`() throws {
        try withOrders { data in
            try moldau.expectSuccess(["topics", "create", "small", "--set", "max.message.bytes=300", "--data", data])
            let lines = (1...1_000).map { "line \($0)\n" }.joined()
            try moldau.expectSuccess(["produce", "small", "--data", data], input: lines)
            #expect(try moldau.expectSuccess(["consume", "small", "--data", data]) == lines)
        }
    }

    @Test(arguments: ["consume orders", "topics list", "topics describe"])
    func `says that its output cannot be written`(command: String) throws {
        try withOrders { data in
            try moldau.expectSuccess(["produce", "orders", "--data", data], input: "one\n")
            let outcome = try shell("$moldau \(command) --data $data > /dev/full", data)
            #expect(outcome.status == 1)
            #expect(outcome.errors == "Error: standard output cannot be written: No space left on device\n")
        }
    }

    @Test func `ends quietly when its output is closed`() throws {
        try withOrders { data in
            let lines = (0..<100_000).map { "line \($0)\n" }.joined()
            try moldau.expectSuccess(["produce", "orders", "--partition", "0", "--data", data], input: lines)
            let outcome = try shell("$moldau consume orders --data $data | head -n 2", data)
            #expect(outcome.output == "line 0\nline 1\n")
            #expect(outcome.errors == "")
            #expect(outcome.status == 0)
        }
    }

    @Test func `a standard error without room is no failure`() throws {
        try withOrders { data in
            let outcome = try shell("echo one | $moldau produce orders --data $data 2> /dev/full", data)
            #expect(outcome.status == 0)
            #expect(try moldau.expectSuccess(["consume", "orders", "--data", data]) == "one\n")
        }
    }

    @Test func `says that a data directory is a file`() throws {
        try withTemporaryDirectory { directory in
            let file = directory.appending(path: "file").path
            try Data("text".utf8).write(to: URL(filePath: file))
            try moldau.expectFailure(["topics", "list", "--data", file], says: "'\(file)' is a file; --data takes")
            try moldau.expectFailure(
                ["topics", "create", "orders", "--data", file], says: "'\(file)' is a file; --data takes")
            try moldau.expectFailure(
                ["topics", "create", "orders", "--data", "\(file)/below"], says: "Not a directory")
        }
    }
}
