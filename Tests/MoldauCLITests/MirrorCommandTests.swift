import Foundation
import MoldauClient
import MoldauRecords
import ProgramSupport
import Testing

/// `moldau mirror`, between two brokers in processes of their own.
struct MirrorCommandTests {
    private let moldau = BuiltProgram("moldau")

    /// Two brokers.
    private struct Clusters {
        let directory: URL
        let source: String
        let target: String

        func command(_ more: String...) -> [String] {
            ["mirror", "--source-bootstrap-server", source, "--bootstrap-server", target] + more
        }
    }

    private func withClusters(_ body: (Clusters) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            func start(_ name: String) throws -> (RunningProgram, String) {
                let data = directory.appending(path: name).path
                let broker = try moldau.start(
                    ["broker", "--data", data, "--durability", "os", "--listen", "127.0.0.1:0"], in: directory)
                return (broker, String(try broker.firstLine().dropFirst("listening on ".count)))
            }
            let (first, source) = try start("source")
            defer { first.kill() }
            let (second, target) = try start("target")
            defer { second.kill() }
            try body(Clusters(directory: directory, source: source, target: target))
        }
    }

    /// Writes records with keys, values, headers and times of their own, every tenth hundred in a transaction that is
    /// aborted.
    private func fill(_ topic: String, _ records: Range<Int>, at address: String) throws {
        struct Enough: Error {}
        try waiting {
            var options = ProducerOptions()
            options.transactionalID = "filler"
            options.batchSize = 1_000
            options.compression = .lz4
            let producer = try Producer(
                to: Topic<String?, String>(topic), cluster: ClientOptions(bootstrapServers: address), options: options)
            for hundred in stride(from: records.lowerBound, to: records.upperBound, by: 100) {
                do {
                    try await producer.transaction { _ in
                        for number in hundred..<min(hundred + 100, records.upperBound) {
                            _ = try await producer.enqueue(
                                number.isMultiple(of: 7) ? nil : "key \(number)", "value \(number)",
                                timestamp: Timestamp(ms: Int64(1_000_000 + number)),
                                headers: number.isMultiple(of: 3) ? Headers([Header("n", "\(number)")]) : Headers())
                        }
                        if (hundred / 100).isMultiple(of: 10) { throw Enough() }
                    }
                } catch is Enough {}
            }
            await producer.close()
        }
    }

    /// All readable records of a topic, by partition.
    private func contents(_ topic: String, at address: String) throws -> [Substring: [Substring]] {
        let text = try moldau.expectSuccess([
            "consume", topic, "--partitions", "--timestamps", "--headers", "--keys", "--bootstrap-server", address,
        ])
        return Dictionary(grouping: text.split(separator: "\n")) { $0.prefix { $0 != "\t" } }
    }

    /// The mirror's progress, in records of the source.
    private func progress(_ clusters: Clusters) throws -> Int64 {
        let address = clusters.target
        return try waiting {
            let admin = try AdminClient(cluster: ClientOptions(bootstrapServers: address))
            let offsets = try await admin.listGroupOffsets("moldau-mirror-mirror")
            await admin.close()
            return offsets.values.reduce(0) { $0 + $1.offset.value }
        }
    }

    @Test func `resumes after kills without losing or duplicating records`() throws {
        try withClusters { clusters in
            try moldau.expectSuccess([
                "topics", "create", "orders", "--partitions", "3", "--bootstrap-server", clusters.source,
            ])
            try fill("orders", 0..<6_000, at: clusters.source)
            // Small steps, so that there are many.
            let command = clusters.command(
                "--include", "ord.*", "--commit-interval-ms", "1", "--source-command-property",
                "max.partition.fetch.bytes=2000", "--source-command-property", "fetch.max.bytes=4000")
            var before: Int64 = 0
            for kill in 1...4 {
                let mirror = try moldau.start(command, in: clusters.directory)
                defer { mirror.kill() }
                let end = ContinuousClock.now + .seconds(30)
                while try progress(clusters) < before + 300, ContinuousClock.now < end { usleep(1_000) }
                mirror.kill()
                _ = try mirror.wait()
                let now = try progress(clusters)
                #expect(now > before && now < 6_000, "kill \(kill) came when \(now) was copied, after \(before)")
                before = now
            }
            try fill("orders", 6_000..<6_500, at: clusters.source)
            let rest = try moldau.expectSuccess(command + ["--until-end"])
            #expect(rest.hasPrefix("copied "))
            let (wanted, copied) = (
                try contents("orders", at: clusters.source), try contents("orders", at: clusters.target)
            )
            #expect(wanted.values.reduce(0) { $0 + $1.count } == 5_800)
            #expect(copied == wanted)
            #expect(try moldau.expectSuccess(command + ["--until-end"]) == "copied 0 records\n")
        }
    }

    @Test func `a second mirror of the same name takes over from the first`() throws {
        try withClusters { clusters in
            try moldau.expectSuccess(["topics", "create", "orders", "--bootstrap-server", clusters.source])
            try fill("orders", 100..<200, at: clusters.source)
            let first = try moldau.start(clusters.command("--include", "orders"), in: clusters.directory)
            defer { first.kill() }
            let end = ContinuousClock.now + .seconds(30)
            while try progress(clusters) < 100, ContinuousClock.now < end { usleep(10_000) }
            try moldau.expectSuccess(clusters.command("--include", "orders", "--until-end"))
            try fill("orders", 200..<300, at: clusters.source)
            let outcome = try first.wait()
            #expect(outcome.status != 0 && outcome.errors.contains("has taken over"), "\(outcome.errors)")
            try moldau.expectSuccess(clusters.command("--include", "orders", "--until-end"))
            #expect(
                try contents("orders", at: clusters.target) == contents("orders", at: clusters.source))
        }
    }

    @Test func `groups continue in the target at the positions that they had in the source`() throws {
        try withClusters { clusters in
            try moldau.expectSuccess(["topics", "create", "orders", "--bootstrap-server", clusters.source])
            try fill("orders", 0..<2_000, at: clusters.source)
            let reset = ["groups", "reset-offsets", "--topic", "orders", "--execute", "--bootstrap-server"]
            // Within a transaction, at a marker, within one that was aborted, and at the end.
            let places = ["1", "50", "203", "201", "1250"]
            for place in places {
                try moldau.expectSuccess(
                    reset + [clusters.source, "--group", "at-\(place)", "--to-offset", place])
            }
            try moldau.expectSuccess(reset + [clusters.source, "--group", "at-end", "--to-latest"])
            // Two runs of the mirror: the second uses the offsets that the first has stored.
            let command = clusters.command("--include", "orders", "--groups", "at-.*", "--until-end")
            try moldau.expectSuccess(command)
            try fill("orders", 2_100..<2_200, at: clusters.source)
            try moldau.expectSuccess(
                reset + [clusters.source, "--group", "at-1", "--to-offset", "777"])
            try moldau.expectSuccess(command)
            for name in places + ["end"] {
                let (source, target) = (
                    try rest(of: "at-\(name)", at: clusters.source), try rest(of: "at-\(name)", at: clusters.target)
                )
                #expect(source == target, "group at-\(name)")
                #expect(!source.isEmpty)
            }
        }
    }

    /// The records that a group would read.
    private func rest(of group: String, at address: String) throws -> String {
        let offset: Offset = try waiting {
            let admin = try AdminClient(cluster: ClientOptions(bootstrapServers: address))
            let offsets = try await admin.listGroupOffsets(group)
            await admin.close()
            return try #require(offsets[TopicPartition("orders", 0)]).offset
        }
        return try moldau.expectSuccess([
            "consume", "orders", "--timestamps", "--keys", "--offset", "\(offset)", "--bootstrap-server", address,
        ])
    }

    @Test func `settings are mirrored, timestamps are the source's, and a recreated topic is refused`() throws {
        try withClusters { clusters in
            let at = ["--bootstrap-server", clusters.source]
            try moldau.expectSuccess(
                ["topics", "create", "orders", "--set", "retention.ms=-1", "--set", "min.insync.replicas=1"] + at)
            // Here the broker sets the timestamps.
            try moldau.expectSuccess(
                ["topics", "create", "stamped", "--set", "message.timestamp.type=LogAppendTime"] + at)
            try moldau.expectSuccess(["topics", "create", "other"] + at)
            try fill("orders", 100..<150, at: clusters.source)
            try fill("stamped", 100..<150, at: clusters.source)
            let command = clusters.command("--include", ".*", "--exclude", "other", "--until-end")
            try moldau.expectSuccess(command)
            let there = ["--bootstrap-server", clusters.target]
            let list = try moldau.expectSuccess(["topics", "list"] + there).split(separator: "\n")
            #expect(list.filter { !$0.hasPrefix("__") } == ["moldau-mirror-mirror", "orders", "stamped"])
            let described = try moldau.expectSuccess(["topics", "describe", "orders"] + there)
            #expect(described.contains("Configs: message.timestamp.type=CreateTime,retention.ms=-1\n"))
            #expect(try contents("stamped", at: clusters.target) == contents("stamped", at: clusters.source))

            try moldau.expectSuccess(
                ["configs", "alter", "--topic", "orders", "--add-config", "retention.bytes=1000000"]
                    + ["--delete-config", "retention.ms"] + at)
            try moldau.expectSuccess(command)
            let changed = try moldau.expectSuccess(["topics", "describe", "orders"] + there)
            #expect(changed.contains("Configs: message.timestamp.type=CreateTime,retention.bytes=1000000\n"))

            try moldau.expectSuccess(["topics", "delete", "orders"] + at)
            try moldau.expectSuccess(["topics", "create", "orders"] + at)
            try moldau.expectFailure(command, says: "it was deleted and created again")
        }
    }

    @Test func `partitions that a topic has got are mirrored too`() throws {
        try withClusters { clusters in
            let at = ["--bootstrap-server", clusters.source]
            let there = ["--bootstrap-server", clusters.target]
            try moldau.expectSuccess(["topics", "create", "orders"] + at)
            try fill("orders", 100..<150, at: clusters.source)
            let command = clusters.command("--include", "orders", "--until-end")
            try moldau.expectSuccess(command)
            #expect(try moldau.expectSuccess(["topics", "describe", "orders"] + there).contains("PartitionCount: 1"))
            try waiting {
                let admin = try AdminClient(cluster: ClientOptions(bootstrapServers: clusters.source))
                try await admin.createPartitions(["orders": 3]).all()
                await admin.close()
            }
            try fill("orders", 150..<250, at: clusters.source)
            try moldau.expectSuccess(command)
            #expect(try moldau.expectSuccess(["topics", "describe", "orders"] + there).contains("PartitionCount: 3"))
            #expect(try contents("orders", at: clusters.target) == contents("orders", at: clusters.source))
        }
    }

    @Test func `an unused directory is mirrored into another one`() throws {
        try withTemporaryDirectory { directory in
            let (source, target) = (directory.appending(path: "a").path, directory.appending(path: "b").path)
            try moldau.expectSuccess(["topics", "create", "orders", "--partitions", "2", "--data", source])
            try moldau.expectSuccess(["produce", "orders", "--data", source], input: "one\ntwo\n")
            #expect(
                try moldau.expectSuccess([
                    "mirror", "--source-data", source, "--data", target, "--include", "orders", "--until-end",
                ]) == "copied 2 records\n")
            #expect(
                try moldau.expectSuccess(["consume", "orders", "--partitions", "--offsets", "--data", target])
                    == moldau.expectSuccess(["consume", "orders", "--partitions", "--offsets", "--data", source]))
        }
    }

    @Test(arguments: [
        (["--include", "["], "'[' is not a regular expression"), (["--include", "a", "--name", "a b"], "--name takes"),
        (["--include", "a", "--source-data", "d"], "give --source-bootstrap-server with HOST:PORT, or --source-data"),
    ])
    func `reports invalid options`(options: [String], sentence: String) throws {
        try moldau.expectFailure(
            ["mirror", "--source-bootstrap-server", "h:1", "--bootstrap-server", "h:2"] + options, says: sentence)
    }
}
