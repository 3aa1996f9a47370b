import Foundation
import Logging
import Moldau
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import MoldauRuntime
import MoldauTesting
import MoldauTopology
import ProgramSupport
import Testing

/// The messages of an application for its operator.
struct OperatorMessageTests {
    private static let lines = Topic<String, String>("lines")

    // MARK: Records that cannot be read

    @Test(
        arguments: [
            (
                nil, [0x61],
                "the source 'read' cannot read the key of the record at offset 0 of lines-0: it is null, which the type String cannot be; "
                    + "declare the topic as Topic<String?, …> if nulls are intended, or give each record a key "
                    + "('moldau produce --key-separator' does)"
            ),
            (
                [0x61], nil,
                "the source 'read' cannot read the value of the record at offset 0 of lines-0: it is null, which the type String "
                    + "cannot be; declare the topic as Topic<…, String?> if nulls are intended, or read the topic as a table, "
                    + "where a null deletes a row"
            ),
            (
                [0xff], [0x61],
                "the source 'read' cannot read the key of the record at offset 0 of lines-0: the bytes are not UTF-8 text"
            ),
            (
                [0x61], [0xff],
                "the source 'read' cannot read the value of the record at offset 0 of lines-0: the bytes are not UTF-8 text"
            ),
        ] as [([UInt8]?, [UInt8]?, String)])
    func `a record that cannot be read is named, with the part that cannot`(
        key: [UInt8]?, value: [UInt8]?, sentence: String
    ) throws {
        let topology = try Topology { $0.stream(Self.lines, named: "read").to(Topic("out")) }
        let driver = try TopologyTestDriver(topology)
        let failure = #expect(throws: DeserializationFailure.self) {
            try driver.pipe(topic: "lines", key: key, value: value)
        }
        #expect(failure?.description == sentence)
        #expect(failure?.part == (key == [0x61] ? .value : .key))
        #expect(failure?.underlying is SerdeError)
    }

    @Test func `a dead letter says which part could not be read`() throws {
        let topology = try Topology { $0.stream(Self.lines).to(Topic("out")) }
        var configuration = StreamsConfiguration()
        configuration.onDeserializationFailure = { _ in .deadLetter(topic: "dead") }
        let driver = try TopologyTestDriver(topology, configuration: configuration)
        try driver.pipe(topic: "lines", key: nil, value: [0x61])
        try driver.pipe(topic: "lines", key: [0x61], value: [0x61])
        let dead = driver.readBytes(from: "dead")
        let message = try #require(dead.first?.headers["__streams.errors.message"])
        #expect(String(decoding: message, as: UTF8.self).contains("cannot read the key of the record at offset 0"))
    }

    // MARK: Drops

    @Test func `a drop is printed by reason and node`() {
        #expect("\([DropKey(node: "count", reason: .nullKey): 3])" == "[nullKey at 'count': 3]")
    }

    private func report(_ drops: Int64, of processed: Int64, _ reason: DropReason = .nullKey) -> StreamThreadReport {
        var report = StreamThreadReport()
        report.processed = processed
        report.drops = [DropKey(node: "count", reason: reason): drops]
        return report
    }

    @Test func `a node that keeps dropping records is logged once a minute, and at the end`() {
        var watch = DropWatch()
        func look(_ drops: Int64, of processed: Int64, at second: Int64, isLast: Bool = false) -> [String] {
            watch.look(
                at: report(drops, of: processed), now: .seconds(second), isLast: isLast)
        }
        #expect(look(9, of: 9, at: 0) == [])
        #expect(
            look(10, of: 50, at: 1) == [
                "'count' dropped 10 records, because they have no key (nullKey); the thread processed 50 records meanwhile"
            ])
        #expect(look(500, of: 600, at: 2) == [])
        #expect(look(500, of: 600, at: 60) == [])
        #expect(look(510, of: 5_000, at: 61).first?.hasPrefix("'count' dropped 500 records") == true)
        #expect(look(600, of: 100_000, at: 122) == [])  // One of a thousand.
        #expect(look(20_000, of: 100_000, at: 123).first?.hasPrefix("'count' dropped 19490 records") == true)
        #expect(look(20_400, of: 100_500, at: 124) == [])
        #expect(look(20_400, of: 100_500, at: 124, isLast: true).count == 1)
        #expect(look(20_400, of: 100_500, at: 125, isLast: true) == [])
    }

    /// An inner join may well keep only a tenth.
    @Test(arguments: [(DropReason.noMatch, 500, false), (.noMatch, 950, true), (.late, 100, true), (.late, 99, false)])
    func `the share of drops that is logged depends on the reason`(reason: DropReason, drops: Int64, isTold: Bool) {
        var watch = DropWatch()
        let told = watch.look(at: report(drops, of: 1_000, reason), now: .zero)
        #expect(told.isEmpty != isTold)
    }

    @Test func `a node that drops many records is logged`() throws {
        let log = GatheredLog()
        var configuration = StreamsConfiguration()
        configuration.logger = log.logger
        let cluster = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
        let producer = try cluster.makeProducer(clientID: "test")
        try cluster.makeAdmin().create([NewTopic("lines", partitionCount: 1)])
        let topology = try Topology { streams in
            streams.stream(Topic<String?, String>("lines")).selectKey { key, _ in key }
                .groupByKey(named: "by-key").count().toStream().to(Topic("counts"))
        }
        configuration.newTopicPartitions = 1
        var builder = RecordBatchBuilder()
        Array("a".utf8).withUnsafeBytes { text in
            for number in 0..<40 {
                builder.append(key: number % 4 == 0 ? text : nil, value: text, timestamp: Timestamp(ms: 1))
            }
        }
        try producer.send(builder.finish(), to: TopicPartition("lines", 0))
        let app = StreamsApplication(
            id: "app", topology: topology, cluster: .cluster(cluster, stateDirectory: nil),
            configuration: configuration)
        try app.start()
        #expect(try eventually { app.metrics.drops.values.reduce(0, +) == 30 })
        try app.stop()
        let warnings = log.all.filter { $0.contains(" dropped ") }
        #expect(warnings.count == 1, "\(log.all)")
        #expect(warnings.first?.hasPrefix("warning: '") == true)
        #expect(
            warnings.first?.contains(
                "because they have no key, so no partition could be chosen for them (nullKeyBeforeRepartition)")
                == true)
    }

    // MARK: Start and restore

    @Test
    func `the log reports where data is stored, the topics, restores, and the final commit`() throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            let log = GatheredLog()
            var configuration = StreamsConfiguration()
            configuration.logger = log.logger
            configuration.onDeserializationFailure = { _ in .deadLetter(topic: "bad-lines") }
            configuration.namedTopics = ["bad-lines", "out"]
            let lines = Topic<String?, String>("lines")
            let topology = try Topology { streams in
                streams.stream(lines).groupBy { _, line in line }.count(as: TableStoreName("counts"))
                    .toStream().to(Topic("out"))
            }
            func run(until isDone: (StreamsApplication) -> Bool) throws {
                let app = StreamsApplication(
                    id: "app", topology: topology, cluster: .embedded(at: data), configuration: configuration)
                try app.start()
                #expect(try eventually { isDone(app) })
                try app.stop()
            }
            try run { $0.state == .running }
            let place = "topics: embedded in '\(data)/topics'; state: '\(data)/state/app'"
            #expect(log.all.contains("info: app starts with 2 tasks on 1 thread; \(place)"), "\(log.all)")
            #expect(log.all.contains("info: app reads lines (1 partition); it writes out (1 partition)"))
            #expect(log.all.contains("info: app may also write bad-lines (1 partition), named in its configuration"))
            #expect(
                log.all.contains { $0.hasPrefix("info: app created app-counts-changelog (1 partition), app-") },
                "\(log.all)")

            let cluster = try EmbeddedCluster(directory: "\(data)/topics")
            let producer = try cluster.makeProducer(clientID: "test")
            var builder = RecordBatchBuilder()
            for number in 0..<37 {
                Array("line \(number)".utf8).withUnsafeBytes {
                    builder.append(key: nil, value: $0, timestamp: Timestamp(ms: 1))
                }
            }
            try producer.send(builder.finish(), to: TopicPartition("lines", 0))
            try producer.flush()
            try cluster.close()
            try run { $0.metrics.processedRecords == 74 }
            try FileManager.default.removeItem(atPath: "\(data)/state")
            try run { $0.state == .running }
            let ends = log.all.filter {
                $0 == "info: app-StreamThread-1 ends; everything that it processed is committed"
            }
            #expect(ends.count == 3, "\(log.all)")
            let restores = log.all.filter { $0.hasPrefix("info: restored ") }
            #expect(restores.count == 1, "\(log.all)")
            #expect(
                restores.first?.wholeMatch(
                    of: /info: restored counts from app-counts-changelog-0: 37 records in \d+ ms/) != nil,
                "\(restores)")
        }
    }

    // MARK: Places

    @Test(arguments: ["", "/below"])
    func `the error names a data directory that is a file`(below: String) throws {
        try withTemporaryDirectory { directory in
            let file = directory.appending(path: "file").path
            try Data("text".utf8).write(to: URL(filePath: file))
            let topology = try Topology { $0.stream(Self.lines).to(Topic("out")) }
            let app = StreamsApplication(id: "app", topology: topology, cluster: .embedded(at: file + below))
            let error = #expect(throws: (any Error).self) { try app.start() }
            let sentence = "\(try #require(error))"
            #expect(sentence.contains("'\(file)"), "\(sentence)")
            #expect(sentence.contains("there is a file where a directory is needed"), "\(sentence)")
            #expect(!sentence.contains("NSCocoaErrorDomain"))
        }
    }

    @Test func `the error names a directory that cannot be created`() throws {
        let topology = try Topology { $0.stream(Self.lines).to(Topic("out")) }
        let app = StreamsApplication(id: "app", topology: topology, cluster: .embedded(at: "/proc/moldau"))
        let error = #expect(throws: LogError.self) { try app.start() }
        let sentence = "\(try #require(error))"
        #expect(sentence.hasPrefix("creation of '/proc/moldau"), "\(sentence)")
    }
}
