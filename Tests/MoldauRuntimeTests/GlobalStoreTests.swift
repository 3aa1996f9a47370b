import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

/// A global store maintained by a processor: the lengths of a topic's values.
struct GlobalStoreTests {
    private final class Lengths: Processor {
        static let lengths = KeyValueStoreName<String, Int>("lengths")
        private var lengths: KeyValueStore<String, Int>?
        private var count = 0

        func start(_ context: ProcessorContext<Never, Never>) throws { lengths = try context.store(Self.lengths) }

        func process(_ record: Record<String, String?>) throws {
            count += 1
            try lengths?.put(record.key, record.value?.count)
            try lengths?.put("records", count)
        }
    }

    private final class CalledBack: Processor {
        func start(_ context: ProcessorContext<Never, Never>) throws {
            try context.schedule(every: .seconds(1), .wallClock) { _ in }
        }
        func process(_ record: Record<String, String?>) throws {}
    }

    private let words = Topic<String, String?>("words")
    private let input = Topic<String, String>("input")
    private let output = Topic<String, String>("output")

    private func topology() throws -> Topology {
        try Topology { streams in
            streams.addGlobalStore(StoreDefinition(Lengths.lengths), from: words) { Lengths() }
            streams.table(input).transformValues { context in
                let lengths = try context.store(Lengths.lengths)
                return { key, _ in "\(try lengths.get(key) ?? -1) of \(try lengths.get("records") ?? 0)" }
            }.toStream().to(output)
        }
    }

    @Test func `a processor updates the global store, including deletions, and every node can read it`() throws {
        let driver = try TopologyTestDriver(try topology(), state: .memory)
        try driver.pipe(words, key: "a", value: "three", at: Timestamp(ms: 1))
        try driver.pipe(input, key: "a", value: "", at: Timestamp(ms: 2))
        try driver.pipe(words, key: "a", value: nil, at: Timestamp(ms: 3))
        try driver.pipe(input, key: "a", value: "", at: Timestamp(ms: 4))
        #expect(try driver.read(from: output).map(\.value) == ["5 of 1", "-1 of 2"])
        #expect(try driver.store(Lengths.lengths).get("records") == 2)
        #expect(driver.writtenTopics.isEmpty)
    }

    /// Another thread's copy would not have the write.
    @Test func `a write to a global store by a processor that only may read it is an error`() throws {
        let topology = try Topology { streams in
            streams.addGlobalStore(StoreDefinition(Lengths.lengths), from: words) { Lengths() }
            streams.table(input).transformValues { context in
                let lengths = try context.store(Lengths.lengths)
                return { key, _ in
                    try lengths.put(key, 1)
                    return key
                }
            }.toStream().to(output)
        }
        let driver = try TopologyTestDriver(topology, state: .memory)
        try driver.pipe(words, key: "a", value: "three", at: Timestamp(ms: 1))
        #expect(throws: StateError.readOnly(store: "lengths")) {
            try driver.pipe(input, key: "a", value: "", at: Timestamp(ms: 2))
        }
    }

    @Test func `records without a key are dropped and counted`() throws {
        let driver = try TopologyTestDriver(try topology(), state: .memory)
        try driver.pipe(words, key: nil, value: "x", at: Timestamp(ms: 1))
        #expect(driver.drops.values.reduce(0, +) == 1)
        #expect(driver.drops.keys.first?.reason == .nullKey)
    }

    @Test func `a global store is described as one`() throws {
        let topology = try Topology(TopologyOptions(naming: .kafkaStreams)) { streams in
            streams.addGlobalStore(StoreDefinition(Lengths.lengths), from: words) { Lengths() }
        }
        #expect(
            "\(topology.describe())" == """
                Topologies:
                   Sub-topology: 0 for global store (will not generate tasks)
                    Source: KSTREAM-SOURCE-0000000000 (topics: [words])
                      --> KTABLE-SOURCE-0000000001
                    Processor: KTABLE-SOURCE-0000000001 (stores: [lengths])
                      --> none
                      <-- KSTREAM-SOURCE-0000000000

                """)
    }

    @Test func `a global store's processor cannot schedule punctuations`() throws {
        let topology = try Topology { streams in
            streams.addGlobalStore(StoreDefinition(Lengths.lengths), from: words) { CalledBack() }
        }
        #expect(throws: TopologyError.self) { try TopologyTestDriver(topology, state: .memory) }
    }

    /// The next start resumes after the row and does not send it to the dead-letter topic again.
    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `the dead letter of an unreadable row is kept, even if no task runs before the stop`(
        guarantee: ProcessingGuarantee
    ) throws {
        let fixture = try ClusterFixture()
        try fixture.create(["rows": 1, "input": 1, "dead": 1])
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee
        configuration.onDeserializationFailure = { _ in .deadLetter(topic: "dead") }
        let topology = try Topology { streams in
            _ = streams.globalTable(Topic<String, Int>("rows"))
            streams.stream(input).forEach { _, _ in }
        }
        try fixture.write("rows", "a", "no number", at: 1)
        for _ in 1...2 {
            let thread = try fixture.thread(topology, configuration: configuration, inMemory: false)
            thread.granted = TaskSet()
            try thread.runOnce(now: Timestamp(ms: 0), wait: .zero)
            try thread.stop(now: Timestamp(ms: 0))
            #expect(try fixture.read(Topic<String, String>("dead")).map(\.value) == ["no number"])
        }
    }

    @Test func `one processor receives the records of all partitions, and a restart resumes at its position`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["words": 2, "input": 1, "output": 1])
        try fixture.write("words", "a", "three", at: 1)
        try fixture.write("words", "b", "four", at: 2, partition: 1)
        for (key, expected) in [("a", "5 of 2"), ("b", "4 of 1")] {
            let thread = try fixture.thread(try topology(), inMemory: false)
            try thread.runUntilIdle()
            try fixture.write("input", key, "", at: 3)
            try thread.runUntilIdle()
            try thread.stop(now: Timestamp(ms: 0))
            #expect(try fixture.read(output).last?.value == expected)
            // Records that the first run applied are not applied again.
            try fixture.write("words", "c", "", at: 4)
        }
    }
}
