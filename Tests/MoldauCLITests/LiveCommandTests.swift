import Foundation
import MoldauClient
import MoldauRecords
import ProgramSupport
import Testing

/// The commands on topics that another process has open.
struct LiveCommandTests {
    private let moldau = BuiltProgram("moldau")

    /// A broker in another process, with the topic `orders` of two partitions.
    private func withBroker(
        _ options: [String] = [], _ body: (_ broker: RunningProgram, _ data: String, _ address: String) throws -> Void
    ) throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            let broker = try moldau.start(
                ["broker", "--data", data, "--listen", "127.0.0.1:0"] + options, in: directory)
            defer { broker.kill() }
            let address = String(try broker.firstLine().dropFirst("listening on ".count))
            try moldau.expectSuccess(["topics", "create", "orders", "--partitions", "2", "--data", data])
            try body(broker, data, address)
        }
    }

    /// The same, and records with the values 1 to 6.
    private func withRecords(_ body: (_ data: String, _ address: String) throws -> Void) throws {
        try withBroker { _, data, address in
            try moldau.expectSuccess(
                ["produce", "orders", "--partition", "0", "--timestamp", "1000", "--bootstrap-server", address],
                input: "1\n2\n")
            try moldau.expectSuccess(
                ["produce", "orders", "--partition", "1", "--timestamp", "2000", "--data", data],
                input: "3\n4\n5\n6\n")
            try body(data, address)
        }
    }

    @Test func `topics of a running broker are managed by its directory or its address`() throws {
        try withRecords { data, address in
            try moldau.expectSuccess([
                "topics", "create", "bills", "--set", "retention.ms=-1", "--replication-factor", "1",
                "--bootstrap-server", address,
            ])
            #expect(try moldau.expectSuccess(["topics", "list", "--data", data]) == "bills\norders\n")
            let described = try moldau.expectSuccess(["topics", "describe", "bills", "--bootstrap-server", address])
            let id = described.split(separator: "\t").first { $0.hasPrefix("TopicId: ") } ?? ""
            #expect(TopicID(id.dropFirst("TopicId: ".count)) != nil)
            #expect(
                described.replacing(id, with: "TopicId: ID") == """
                    Topic: bills\tTopicId: ID\tPartitionCount: 1\tReplicationFactor: 1\tConfigs: retention.ms=-1
                    \tTopic: bills\tPartition: 0\tLeader: 1\tReplicas: 1\tIsr: 1\tStartOffset: 0\tEndOffset: 0

                    """)
            #expect(try moldau.expectSuccess(["topics", "describe", "bills", "--data", data]) == described)
            try moldau.expectSuccess(["topics", "delete", "bills", "--data", data])
            #expect(try moldau.expectSuccess(["topics", "list", "--bootstrap-server", address]) == "orders\n")
            try moldau.expectFailure(
                ["topics", "describe", "bills", "--data", data], says: "there is no topic 'bills'; there are: orders")
        }
    }

    @Test func `records of a running broker are written and read`() throws {
        try withRecords { data, address in
            let read = try moldau.expectSuccess(["consume", "orders", "--partitions", "--offsets", "--data", data])
            #expect(
                read.split(separator: "\n").sorted() == [
                    "0\t0\t1", "0\t1\t2", "1\t0\t3", "1\t1\t4", "1\t2\t5", "1\t3\t6",
                ])
            let some = try moldau.expectSuccess([
                "consume", "orders", "--partition", "1", "--offset", "2", "--max-messages", "1", "--bootstrap-server",
                address,
            ])
            #expect(some == "5\n")
        }
    }

    @Test func `offsets are printed by position and timestamp, and records before an offset are deleted`() throws {
        try withRecords { data, address in
            #expect(try moldau.expectSuccess(["offsets", "--data", data]) == "orders:0:2\norders:1:4\n")
            #expect(
                try moldau.expectSuccess([
                    "offsets", "--topic", "orders:1", "--time", "-2", "--bootstrap-server", address,
                ])
                    == "orders:1:0\n")
            #expect(
                try moldau.expectSuccess(["offsets", "--time", "1500", "--data", data]) == "orders:0:\norders:1:0\n")
            let deleted = try moldau.expectSuccess([
                "delete-records", "--before", "orders:0:-1", "--before", "orders:1:3", "--data", data, "--json",
            ])
            #expect(
                deleted == """
                    [{"lowWatermark":2,"partition":0,"topic":"orders"},{"lowWatermark":3,"partition":1,"topic":"orders"}]

                    """)
            #expect(try moldau.expectSuccess(["consume", "orders", "--data", data]) == "6\n")
            try moldau.expectFailure(
                ["delete-records", "--before", "orders:1", "--data", data], says: "topic:partition:offset")
        }
    }

    @Test func `a group's offsets are changed only with --execute`() throws {
        try withRecords { data, address in
            let reset = ["groups", "reset-offsets", "--group", "readers", "--bootstrap-server", address]
            let table = """
                GROUP    TOPIC   PARTITION  NEW-OFFSET
                readers  orders  0          0
                readers  orders  1          0

                """
            #expect(try moldau.expectSuccess(reset + ["--topic", "orders", "--to-earliest"]) == table)
            #expect(try moldau.expectSuccess(["groups", "list", "--data", data]) == "")
            #expect(try moldau.expectSuccess(reset + ["--topic", "orders", "--to-earliest", "--execute"]) == table)
            #expect(try moldau.expectSuccess(["groups", "list", "--data", data]) == "readers\n")
            #expect(
                try moldau.expectSuccess(["groups", "describe", "--group", "readers", "--data", data]) == """
                    GROUP    TOPIC   PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG  CONSUMER-ID  HOST  CLIENT-ID
                    readers  orders  0          0               2               2    -            -     -
                    readers  orders  1          0               4               4    -            -     -

                    """)
            #expect(
                try moldau.expectSuccess(["groups", "list", "--state", "--bootstrap-server", address]).contains("Empty")
            )
            try moldau.expectSuccess(["groups", "delete", "--group", "readers", "--data", data])
            #expect(try moldau.expectSuccess(["groups", "list", "--data", data]) == "")
            try moldau.expectFailure(
                ["groups", "describe", "--group", "readers", "--data", data], says: "there is no group 'readers'")
        }
    }

    @Test func `offsets are reset to positions and timestamps, within the bounds of the log`() throws {
        try withRecords { data, address in
            func moved(_ way: String...) throws -> [String] {
                let lines = try moldau.expectSuccess(
                    ["groups", "reset-offsets", "--group", "g", "--topic", "orders", "--execute"] + way
                        + ["--data", data]
                ).split(separator: "\n").dropFirst()
                return lines.map { String($0.split(separator: " ").last ?? "") }
            }
            #expect(try moved("--to-latest") == ["2", "4"])
            #expect(try moved("--shift-by", "-1") == ["1", "3"])
            #expect(try moved("--to-current") == ["1", "3"])
            #expect(try moved("--shift-by", "2") == ["2", "4"])
            #expect(try moved("--to-offset", "3") == ["2", "3"])
            #expect(try moved("--to-datetime", "1970-01-01T00:00:01.500") == ["2", "0"])
            #expect(try moved("--by-duration", "PT1H") == ["2", "4"])
            #expect(try moved("--to-earliest") == ["0", "0"])
            try moldau.expectFailure(
                ["groups", "reset-offsets", "--group", "g", "--all-topics", "--data", data], says: "give one of")
            try moldau.expectFailure(
                ["groups", "reset-offsets", "--group", "g", "--topic", "orders:7", "--to-latest", "--data", data],
                says: "there is no partition '7'")
        }
    }

    @Test func `a group with members is described, and can be neither reset nor deleted`() throws {
        try withBroker { _, data, address in
            try moldau.expectSuccess(["produce", "orders", "--key-separator", ":", "--data", data], input: "a:1\n")
            var options = ConsumerOptions(group: "readers")
            options.offsetReset = .earliest
            let consumer = try Consumer(
                [Topic<String, String>("orders")], cluster: ClientOptions(bootstrapServers: address), options: options)
            #expect(try waiting { try await !consumer.poll(within: .seconds(20)).isEmpty })
            let describe = ["groups", "describe", "--group", "readers", "--data", data]
            #expect(try moldau.expectSuccess(describe + ["--members"]).contains("orders(0,1)"))
            let state = try moldau.expectSuccess(describe + ["--state"]).split(separator: "\n").last ?? ""
            #expect(state.contains("range") && state.hasSuffix("Stable  1"), "\(state)")
            let reset = ["groups", "reset-offsets", "--group", "readers", "--topic", "orders", "--to-latest"]
            try moldau.expectFailure(
                reset + ["--execute", "--data", data], says: "'readers' has 1 member, and is Stable")
            try moldau.expectFailure(
                ["groups", "delete", "--group", "readers", "--data", data], says: "'readers' has 1 member;")
            try waiting { await consumer.close() }
        }
    }

    @Test func `groups of an unused directory are described too`() throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            try moldau.expectSuccess(["topics", "create", "orders", "--data", data])
            try moldau.expectSuccess(["produce", "orders", "--data", data], input: "1\n2\n")
            try moldau.expectSuccess([
                "groups", "reset-offsets", "--group", "g", "--topic", "orders", "--to-latest", "--execute", "--data",
                data,
            ])
            let described = try moldau.expectSuccess(["groups", "describe", "--all-groups", "--json", "--data", data])
            #expect(described.contains("\"currentOffset\":2") && described.contains("\"lag\":0"))
            #expect(try moldau.expectSuccess(["offsets", "--data", data]) == "orders:0:2\n")
            #expect(
                try moldau.expectSuccess(["transactions", "list", "--data", data])
                    == "TRANSACTIONAL-ID  PRODUCER-ID  STATE\n")
            #expect(!FileManager.default.fileExists(atPath: "\(data)/topics/listening"))
        }
    }

    @Test func `local commands ignore access rules, and a broker that would ignore them is refused`() throws {
        try withBroker(["--super-user", "ANONYMOUS"]) { broker, data, address in
            try waiting {
                let admin = try AdminClient(cluster: ClientOptions(bootstrapServers: address))
                try await admin.createAcls([AccessRule(.topic, "orders", principal: "User:ann", .read)]).all()
                await admin.close()
            }
            broker.interrupt()
            _ = try broker.wait()
            try moldau.expectSuccess([
                "configs", "alter", "--topic", "orders", "--add-config", "retention.ms=5000", "--data", data,
            ])
            let settings = try moldau.expectSuccess(["configs", "describe", "--topic", "orders", "--data", data])
            #expect(settings.contains("retention.ms=5000"))
            #expect(try moldau.expectSuccess(["offsets", "--data", data]) == "orders:0:0\norders:1:0\n")
            try moldau.expectSuccess([
                "perf", "produce", "--topic", "orders", "--num-records", "10", "--record-size", "10", "--data", data,
            ])
            #expect(try moldau.expectSuccess(["consume", "orders", "--data", data]).split(separator: "\n").count == 10)
            // No port was open meanwhile.
            #expect(!FileManager.default.fileExists(atPath: "\(data)/topics/listening"))
            try moldau.expectFailure(
                ["broker", "--data", data, "--listen", "127.0.0.1:0"], says: "1 access rule")
        }
    }

    @Test func `aborting an unknown transactional id does not create it`() throws {
        try withRecords { data, _ in
            try moldau.expectFailure(
                ["transactions", "abort", "--transactional-id", "nobody", "--data", data],
                says: "TRANSACTIONAL_ID_NOT_FOUND")
            #expect(try moldau.expectSuccess(["transactions", "list", "--json", "--data", data]) == "[]\n")
        }
    }

    @Test func `a process that does not listen is reported, with the way to make it listen`() throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            try moldau.expectSuccess(["topics", "create", "orders", "--data", data])
            try moldau.expectSuccess(["produce", "orders", "--data", data], input: "one\n")
            let holder = try moldau.start(
                ["consume", "orders", "--follow", "--from-beginning", "--data", data], in: directory)
            defer { holder.kill() }
            let limit = ContinuousClock.now + .seconds(30)
            while try holder.outputSoFar().isEmpty, ContinuousClock.now < limit { usleep(10_000) }
            try moldau.expectFailure(["groups", "list", "--data", data], says: "'.embedded(at:listening:)'")
        }
    }

    @Test(arguments: [
        ([], "give --data with a directory, or --bootstrap-server"),
        (["--data", "d", "--bootstrap-server", "h:1"], "give --data with a directory, or --bootstrap-server"),
        (["--bootstrap-server", "h"], "the setting bootstrap.servers takes HOST:PORT"),
        (["--bootstrap-server", "h:1", "--command-config", "/nowhere"], "file '/nowhere': it cannot be read"),
        (["--bootstrap-server", "h:1", "--command-property", "acks"], "--command-property takes name=value"),
    ])
    func `reports missing or invalid cluster options`(options: [String], sentence: String) throws {
        try moldau.expectFailure(["topics", "list"] + options, says: sentence)
    }

    @Test(arguments: [
        ("security.protocol=TLS", "the setting security.protocol takes PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"),
        ("security.protocl=SSL", "unknown setting 'security.protocl'"),
        ("security.protocl=SSL", "did you mean 'security.protocol'?"),
        ("security.protocol = SASL_SSL", "'sasl.mechanism' is not valid: it has to be one of PLAIN"),
        ("security.protocol: SASL_SSL\nsasl.mechanism: PLAIN", "a log-in needs a user and a password"),
        ("security.protocol SSL\nssl.truststore.type JKS", "'ssl.truststore.type' is not valid: it has to be PEM"),
        ("client.id=a\nclient.id=b", "is set twice"),
    ])
    func `reports invalid connection settings`(text: String, sentence: String) throws {
        try withTemporaryDirectory { directory in
            let file = directory.appending(path: "client.properties")
            try Data(text.utf8).write(to: file)
            try moldau.expectFailure(
                ["topics", "list", "--bootstrap-server", "127.0.0.1:1", "--command-config", file.path], says: sentence)
        }
    }

    @Test func `a command logs in with the settings of a properties file`() throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            try moldau.expectSuccess(["users", "add", "ann", "--data", data], input: "secret \"word\"\n")
            let broker = try moldau.start(
                ["broker", "--data", data, "--listen", "SASL_PLAINTEXT://127.0.0.1:0"], in: directory)
            defer { broker.kill() }
            _ = try broker.firstLine()
            try moldau.expectFailure(["topics", "list", "--data", data], says: "security.protocol=SASL_PLAINTEXT")
            let file = directory.appending(path: "client.properties")
            let text = #"""
                # who logs in
                security.protocol=SASL_PLAINTEXT
                sasl.mechanism=SCRAM-SHA-256
                sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
                    username="ann" password="secret \\"word\\"";
                """#
            try Data(text.utf8).write(to: file)
            try moldau.expectSuccess(["topics", "create", "orders", "--data", data, "--command-config", file.path])
            #expect(
                try moldau.expectSuccess(["offsets", "--data", data, "--command-config", file.path]) == "orders:0:0\n")
        }
    }
}
