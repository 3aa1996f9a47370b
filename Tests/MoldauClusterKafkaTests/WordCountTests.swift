import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClusterKafka
import ProgramSupport
import Testing

/// Word count on a broker in another process.
struct WordCountTests {
    private static let lines = Topic<String, String>("lines")
    private static let texts = [
        "to be or not to be", "that is the question", "to die to sleep", "no more and by a sleep",
    ]

    private static func topology(
        of lines: @escaping @Sendable (StreamsBuilder) -> KStream<String, String> = { $0.stream(lines) }
    ) throws -> Topology {
        try Topology { streams in
            lines(streams)
                .flatMapValues { line in line.split(separator: " ").map(String.init) }
                .groupBy { _, word in word }
                .count(as: TableStoreName<String, Int64>("counts"))
                .toStream()
                .to(Topic<String, Int64>("counts"))
        }
    }

    private static func counts(_ texts: [String]) -> [String: Int64] {
        texts.flatMap { $0.split(separator: " ") }.reduce(into: [:]) { $0[String($1), default: 0] += 1 }
    }

    private static func write(_ texts: [String], to cluster: any Cluster) throws {
        let writer = try TopicWriter(lines, on: cluster)
        for text in texts { try writer.write(Record(key: text, value: text, timestamp: Timestamp(ms: 1_000))) }
        try writer.close()
    }

    private static func application(
        on broker: BrokerProcess, _ guarantee: ProcessingGuarantee, state: String, topology: Topology? = nil
    ) throws -> StreamsApplication {
        var configuration = StreamsConfiguration()
        configuration.streamThreads = 2
        configuration.guarantee = guarantee
        configuration.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return StreamsApplication(
            id: "words", topology: try topology ?? self.topology(),
            cluster: .kafka(
                broker.address, stateDirectory: broker.directory.appending(path: state).path, options: broker.kafka),
            configuration: configuration)
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `counts words, and restores from the changelog when the state is lost`(guarantee: ProcessingGuarantee)
        async throws
    {
        try await withBrokerProcess(topics: ["lines": 3, "counts": 2]) { try Self.countTwice(on: $0, guarantee) }
    }

    @Test func `counts words over TLS with a login, and reports a wrong password`() async throws {
        try await withBrokerProcess(topics: ["lines": 3, "counts": 2], isSecured: true) { broker in
            try Self.countTwice(on: broker, .exactlyOnce)
            guard broker.kafka.logIn != nil else { return }
            var options = broker.kafka
            options.logIn = ClientLogIn(.scramSHA512, user: "ann", password: "wrong")
            let error = #expect(throws: ClusterError.self) {
                _ = try KafkaCluster(broker.address, options: options).makeAdmin().topics()
            }
            #expect("\(error.map { "\($0)" } ?? "")".contains("the log-in has failed"))
        }
    }

    /// Kafka's brokers truncate a full answer within a batch.
    @Test func `counts a backlog of several fetches`() async throws {
        try await withBrokerProcess(topics: ["lines": 1, "counts": 1]) { broker in
            let cluster = try broker.cluster()
            let words = "abcd".map { String(repeating: $0, count: 1_000) }
            try Self.write((0..<4_000).map { words[$0 % 4] }, to: cluster)
            let reader = try CountReader("counts", partitions: 1, on: cluster)
            let app = try Self.application(on: broker, .exactlyOnce, state: "state")
            try app.start()
            let wanted = words.reduce(into: [:]) { $0[$1] = Int64(1_000) }
            #expect(try reader.reach(wanted), "\(reader.recordCount)")
            try app.stop()
            #expect(reader.recordCount == 4_000)
        }
    }

    @Test func `explains that a key has just been deleted`() async throws {
        try await withBrokerProcess(topics: ["lines": 1]) { broker in
            let rows = TableStoreName<String, String>("rows")
            let topology = try Topology { _ = $0.table(Self.lines, as: rows) }
            let app = try Self.application(on: broker, .exactlyOnce, state: "state", topology: topology)
            try app.start()
            let writer = try TopicWriter(Topic<String, String?>("lines"), on: broker.cluster())
            for number in 1...20 {
                for value in ["text", nil] {
                    try writer.write(Record(key: "\(number)", value: value, timestamp: Timestamp(ms: 1_000)))
                }
                try writer.flush()
                #expect(waitUntil { app.metrics.processedRecords == 2 * number })
                let found = try waiting { try await app.explain("\(number)", in: rows) }
                #expect(found.reasons.first?.kind == .keyDeleted, "\(found)")
            }
            try app.stop()
        }
    }

    /// As with an embedded cluster, and as Kafka Streams does at its next rebalance.
    @Test(.timeLimit(.minutes(2))) func `deleting an input topic ends the application`() async throws {
        try await withBrokerProcess(topics: ["lines": 1, "counts": 1]) { broker in
            let cluster = try broker.cluster()
            let reader = try CountReader("counts", partitions: 1, on: cluster)
            let app = try Self.application(on: broker, .exactlyOnce, state: "state")
            try app.start()
            try Self.write(Self.texts, to: cluster)
            #expect(try reader.reach(Self.counts(Self.texts)), "\(reader.counts)")
            try cluster.makeAdmin().delete(["lines"])
            #expect(waitUntil { app.state == .error })
            #expect(throws: ClusterError.unknownTopic("lines")) { try app.stop() }
        }
    }

    @Test(.timeLimit(.minutes(2))) func `deleting a topic of a pattern does not end the application`() async throws {
        try await withBrokerProcess(topics: ["lines": 1, "lines-2": 1, "counts": 1]) { broker in
            let cluster = try broker.cluster()
            let reader = try CountReader("counts", partitions: 1, on: cluster)
            let topology = try Self.topology { $0.stream(matching: TopicPattern("lines.*")) }
            let app = try Self.application(on: broker, .exactlyOnce, state: "state", topology: topology)
            try app.start()
            try Self.write(Self.texts, to: cluster)
            #expect(try reader.reach(Self.counts(Self.texts)), "\(reader.counts)")
            try cluster.makeAdmin().delete(["lines-2"])
            // Topics are looked up every ten seconds, and a named topic would be reported missing after ten.
            Thread.sleep(forTimeInterval: 14)
            try Self.write(Self.texts, to: cluster)
            #expect(try reader.reach(Self.counts(Self.texts + Self.texts)), "\(reader.counts)")
            try app.stop()
        }
    }

    private static func countTwice(on broker: BrokerProcess, _ guarantee: ProcessingGuarantee) throws {
        let cluster = try broker.cluster()
        let reader = try CountReader("counts", partitions: 2, on: cluster)
        for (run, state) in ["first", "second"].enumerated() {
            let app = try application(on: broker, guarantee, state: state)
            try app.start()
            try write(texts, to: cluster)
            let wanted = counts(Array(repeating: texts, count: run + 1).flatMap { $0 })
            #expect(try reader.reach(wanted), "\(reader.counts)")
            // A word has a changelog record for each commit in which it was counted.
            let restored = app.metrics.restoredRecords
            #expect(run == 0 ? restored == 0 : restored >= wanted.count, "\(restored)")
            try app.stop()
        }
        #expect(reader.recordCount == 2 * texts.joined(separator: " ").split(separator: " ").count)
    }
}
