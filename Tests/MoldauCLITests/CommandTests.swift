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
            let id = description.split(separator: "\t").first { $0.hasPrefix("TopicId: ") } ?? ""
            #expect(
                description.replacing(id, with: "TopicId: ID") == """
                    Topic: orders\tTopicId: ID\tPartitionCount: 2\tReplicationFactor: 1\tConfigs: retention.ms=-1
                    \tTopic: orders\tPartition: 0\tLeader: 1\tReplicas: 1\tIsr: 1\tStartOffset: 0\tEndOffset: 0
                    \tTopic: orders\tPartition: 1\tLeader: 1\tReplicas: 1\tIsr: 1\tStartOffset: 0\tEndOffset: 0

                    """)
            try moldau.expectSuccess(["topics", "delete", "customers", "--data", data])
            #expect(try moldau.expectSuccess(["topics", "list", "--data", data]) == "orders\n")
        }
    }

    @Test func `topics are printed as JSON`() throws {
        try withOrders { data in
            try moldau.expectSuccess(["produce", "orders", "--partition", "1", "--data", data], input: "one\ntwo\n")
            let listed = try json(["topics", "list", "--json", "--data", data])
            #expect(listed.map { $0["topic"] as? String } == ["orders"])
            #expect(listed[0]["partitionCount"] as? Int == 2)
            let described = try json(["topics", "describe", "--json", "--data", data])[0]
            #expect(described["topicId"] as? String == listed[0]["topicId"] as? String)
            #expect(described["replicationFactor"] as? Int == 1)
            #expect(described["configs"] as? [String: String] == ["retention.ms": "-1"])
            let partitions = try #require(described["partitions"] as? [[String: Any]])
            #expect(partitions.map { $0["endOffset"] as? Int } == [0, 2])
            #expect(partitions.map { $0["leader"] as? Int } == [1, 1])
            #expect(partitions[1]["isr"] as? [Int] == [1])
        }
    }

    private func json(_ arguments: [String]) throws -> [[String: Any]] {
        let output = try moldau.expectSuccess(arguments)
        return try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]])
    }

    @Test func `changing a topic's settings keeps its records`() throws {
        try withOrders { data in
            try moldau.expectSuccess(
                ["produce", "orders", "--key-separator", ":", "--data", data], input: "a:1\nb:2\n")
            let alter = ["configs", "alter", "--topic", "orders", "--data", data]
            #expect(
                try moldau.expectSuccess(
                    alter + ["--add-config", "cleanup.policy=[compact,delete]", "--delete-config", "retention.ms"])
                    == "Completed updating config for topic orders.\n")
            let describe = [
                "configs", "describe", "--entity-type", "topics", "--entity-name", "orders", "--data", data,
            ]
            let description = try moldau.expectSuccess(describe)
            #expect(
                description == """
                    Dynamic configs for topic orders are:
                      cleanup.policy=compact,delete sensitive=false \
                    synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, \
                    DEFAULT_CONFIG:log.cleanup.policy=delete}

                    """)
            try moldau.expectFailure(alter + ["--add-config", "retention.ms=soon"], says: "retention.ms")
            try moldau.expectFailure(alter + ["--delete-config", "retention.ms"], says: "is already at its default")
            try moldau.expectFailure(alter, says: "give --add-config name=value")
            try moldau.expectFailure(
                alter + ["--add-config", "cleanup.policy=compact,delete"], says: "put a value with commas in brackets")
            #expect(try moldau.expectSuccess(describe) == description)
            #expect(try moldau.expectSuccess(["consume", "orders", "--data", data]).split(separator: "\n").count == 2)
        }
    }

    @Test func `settings of topics and brokers are described with their sources`() throws {
        try withOrders { data in
            let all = try moldau.expectSuccess(["configs", "describe", "--topic", "orders", "--all", "--data", data])
            #expect(all.hasPrefix("All configs for topic orders are:\n"))
            #expect(all.contains("  retention.ms=-1 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=-1"))
            #expect(all.contains("  segment.bytes=1073741824 sensitive=false synonyms={DEFAULT_CONFIG:"))
            let topics = try json(["configs", "describe", "--entity-type", "topics", "--json", "--data", data])
            #expect(topics.count == 1 && topics[0]["name"] as? String == "retention.ms")
            #expect(topics[0]["entityName"] as? String == "orders" && topics[0]["value"] as? String == "-1")
            #expect(topics[0]["source"] as? String == "DYNAMIC_TOPIC_CONFIG")
            let broker = try json(["configs", "describe", "--broker", "1", "--all", "--json", "--data", data])
            #expect(broker.contains { $0["name"] as? String == "num.partitions" && $0["value"] as? String == "1" })
            try moldau.expectFailure(
                ["configs", "alter", "--broker", "1", "--add-config", "num.partitions=2", "--data", data],
                says: "only the settings of topics can be changed")
            try moldau.expectFailure(["configs", "describe", "--data", data], says: "give --topic, --broker, --group")
            try moldau.expectFailure(
                ["configs", "describe", "--topic", "bills", "--data", data], says: "there is no topic 'bills'")
        }
    }

    @Test func `a misspelt setting is refused, and one without effect is reported`() throws {
        try withOrders { data in
            try moldau.expectFailure(
                ["topics", "create", "rows", "--set", "cleanup.polcy=compact", "--data", data],
                says:
                    "there is no setting 'cleanup.polcy'; the nearest is 'cleanup.policy'; there are: cleanup.policy, compr"
            )
            try moldau.expectFailure(
                ["configs", "alter", "--topic", "orders", "--add-config", "cleanup.polcy=compact", "--data", data],
                says: "there is no setting 'cleanup.polcy'; the nearest is 'cleanup.policy'")
            #expect(try moldau.expectSuccess(["topics", "list", "--data", data]) == "orders\n")
            let outcome = try moldau.run(
                ["topics", "create", "rows", "--set", "min.insync.replicas=2", "--data", data])
            #expect(outcome.status == 0)
            #expect(
                outcome.errors
                    == "'min.insync.replicas' is a setting of Kafka's that has no effect here; it is kept\n")
            let description = try moldau.expectSuccess(["topics", "describe", "rows", "--data", data])
            #expect(description.contains("Configs: min.insync.replicas=2\n"))
        }
    }

    @Test func `a compacted topic refuses lines without keys`() throws {
        try withOrders { data in
            try moldau.expectSuccess(["topics", "create", "rows", "--set", "cleanup.policy=compact", "--data", data])
            try moldau.expectFailure(
                ["produce", "rows", "--data", data], input: "one\n",
                says: "rows is compacted, so each record needs a key")
            try moldau.expectSuccess(["produce", "rows", "--key-separator", ":", "--data", data], input: "a:one\n")
        }
    }

    @Test(arguments: ["__consumer_offsets", "__transaction_state"])
    func `refuses to change the cluster's own topics`(topic: String) throws {
        try withOrders { data in
            try moldau.expectFailure(
                ["produce", topic, "--data", data], input: "one\n",
                says: "'\(topic)' holds the cluster's own records")
            try moldau.expectFailure(
                ["topics", "delete", topic, "--data", data], says: "'\(topic)' holds the cluster's own records")
            try moldau.expectFailure(
                ["configs", "alter", "--topic", topic, "--add-config", "retention.ms=1", "--data", data],
                says: "'\(topic)' holds the cluster's own records")
        }
    }

    @Test func `refuses a topic that exists, and an invalid name`() throws {
        try withOrders { data in
            try moldau.expectFailure(
                ["topics", "create", "orders", "--data", data], says: "the topic 'orders' already exists")
            try moldau.expectFailure(["topics", "create", "a b", "--data", data], says: "'a b' cannot be created")
        }
    }

    // MARK: Records

    @Test func `prints records with the requested fields`() throws {
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
    func `begins and ends at the requested positions`(options: [String], printed: String) throws {
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

    @Test func `a directory without its topics file is opened from its partitions`() throws {
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

    @Test func `reports the line that cannot be written`() throws {
        try withOrders { data in
            try moldau.expectFailure(
                ["produce", "orders", "--value-type", "int64", "--data", data], input: "1\n2\nthree\n",
                says:
                    "the value 'three' in line 3 is not a whole number of 64 bits; the 2 lines before it were written")
            try moldau.expectFailure(
                ["produce", "orders", "--key-separator", "=>", "--data", data], input: "a=>1\nb\n",
                says: "line 2 has no '=>' between key and value")
        }
    }

    @Test func `reports that another process uses the directory`() throws {
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

    @Test func `reads back each byte that was written`() throws {
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

    @Test func `reports the line that is not text, and writes those before it`() throws {
        try withOrders { data in
            let outcome = try shell(
                "printf 'gr\\303\\274n\\nr\\374ckw\\344rts\\nrot\\n' | $moldau produce orders --data $data", data)
            #expect(outcome.status != 0)
            #expect(outcome.errors.contains("the value in line 2 is not UTF-8 text"), "\(outcome.errors)")
            #expect(outcome.errors.contains("the line before it was written"))
            #expect(try moldau.expectSuccess(["consume", "orders", "--data", data]) == "grün\n")
        }
    }

    /// The lines before it are in the same batch, and are small enough. The second topic's limit is below the program's
    /// batch size.
    @Test(arguments: [("orders", 2_000_000, "1048588"), ("small", 700, "500"), ("orders", 9_000_000, "1048588")])
    func `the lines before one that is too long are written`(topic: String, length: Int, limit: String) throws {
        try withOrders { data in
            try moldau.expectSuccess(["topics", "create", "small", "--set", "max.message.bytes=500", "--data", data])
            let good = (1...10).map { "line \($0)\n" }.joined()
            let input = good + String(repeating: "x", count: length) + "\nafter\n"
            let outcome = try moldau.run(["produce", topic, "--partition", "0", "--data", data], input: input)
            #expect(outcome.status != 0)
            #expect(outcome.errors.contains("line 11 is"), "\(outcome.errors)")
            #expect(outcome.errors.contains(limit), "\(outcome.errors)")
            #expect(outcome.errors.contains("the 10 lines before it were written"), "\(outcome.errors)")
            #expect(try moldau.expectSuccess(["consume", topic, "--data", data]) == good)
        }
    }

    @Test func `many small lines are written to a topic with a small batch limit`() throws {
        try withOrders { data in
            try moldau.expectSuccess(["topics", "create", "small", "--set", "max.message.bytes=300", "--data", data])
            let lines = (1...1_000).map { "line \($0)\n" }.joined()
            try moldau.expectSuccess(["produce", "small", "--data", data], input: lines)
            #expect(try moldau.expectSuccess(["consume", "small", "--data", data]) == lines)
        }
    }

    @Test(arguments: ["consume orders", "topics list", "topics describe"])
    func `reports that its output cannot be written`(command: String) throws {
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

    @Test func `a full standard error is not a failure`() throws {
        try withOrders { data in
            let outcome = try shell("echo one | $moldau produce orders --data $data 2> /dev/full", data)
            #expect(outcome.status == 0)
            #expect(try moldau.expectSuccess(["consume", "orders", "--data", data]) == "one\n")
        }
    }

    @Test func `reports a data directory that is a file`() throws {
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
