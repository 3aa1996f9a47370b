import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

struct TestDriverTests {
    @Test(arguments: [TestStateLocation.temporaryDirectory, .memory])
    func `the driver processes piped records, and shows the store and the changelog`(location: TestStateLocation)
        throws
    {
        let driver = try TopologyTestDriver(try CountTopology.make(), state: location)
        for (time, key) in ["a", "b", "a"].enumerated() {
            try driver.pipe(CountTopology.input, key: key, value: "x", at: Timestamp(ms: Int64(time)))
        }
        let out = try driver.read(from: CountTopology.counts)
        #expect(out.map(\.key) == ["a", "b", "a"])
        #expect(out.map(\.value) == [1, 1, 2])
        #expect(out.map(\.timestamp.ms) == [0, 1, 2])
        #expect(try driver.store(CountTopology.store).get("a") == 2)
        #expect(driver.readBytes(from: "test-counts-store-changelog").count == 3)
        #expect(driver.storeNames == ["counts-store"])
        try driver.close()
    }

    @Test func `the driver reads what was written to a repartition topic before the next input`() throws {
        let middle = Topic<String, String>("by-value-repartition")
        let out = Topic<String, String>("out")
        var topology = Topology()
        try topology.addSource("source", reading: [CountTopology.input])
        try topology.addProcessor("swap", after: ["source"]) { (record: Record<String, String>, _, forward) in
            try forward(Record(key: record.value, value: record.key, timestamp: record.timestamp))
        }
        try topology.addSink("to-middle", to: middle, after: ["swap"])
        try topology.add(RepartitionTopic(name: middle.name))
        try topology.addSource("from-middle", reading: [middle])
        try topology.addSink("to-out", to: out, after: ["from-middle"])

        let driver = try TopologyTestDriver(topology, applicationID: "app", state: .memory)
        try driver.pipe(CountTopology.input, key: "k", value: "v", at: Timestamp(ms: 5))
        #expect(driver.writtenTopics == ["app-by-value-repartition", "out"])
        #expect(try driver.read(from: out) == [Record(key: "v", value: "k", timestamp: Timestamp(ms: 5))])
    }

    @Test func `stream time punctuates at most once per record, aligned to the interval`() throws {
        let ticks = try punctuations(.streamTime) { driver in
            for time in [3, 35, 36, 40] as [Int64] {
                try driver.pipe(CountTopology.input, key: "k", value: "v", at: Timestamp(ms: time))
            }
        }
        #expect(ticks == [3, 35, 40])
    }

    @Test func `the wall clock punctuates when it is advanced, one interval after the start`() throws {
        let ticks = try punctuations(.wallClock) { driver in
            try driver.pipe(CountTopology.input, key: "k", value: "v", at: Timestamp(ms: 1_000))
            try driver.advanceWallClock(by: .milliseconds(9))
            try driver.advanceWallClock(by: .milliseconds(1))
            try driver.advanceWallClock(by: .milliseconds(25))
        }
        #expect(ticks == [10, 35])
    }

    /// The times of a processor's punctuations, which are scheduled every 10 ms.
    private func punctuations(
        _ clock: PunctuationClock, _ run: (TopologyTestDriver) throws -> Void
    ) throws -> [Int64] {
        let ticks = Topic<String, Int64>("ticks")
        var topology = try Topology.timed { context in
            let forward = try context.next(String.self, Int64.self).receive
            try context.schedule(every: .milliseconds(10), clock) { time in
                try forward(Record(key: "tick", value: time.ms, timestamp: time))
            }
        }
        try topology.addSink("sink", to: ticks, after: ["timed"])
        let driver = try TopologyTestDriver(topology, state: .memory)
        try run(driver)
        return try driver.read(from: ticks).compactMap(\.value)
    }

    @Test func `a topic that the topology does not read is rejected by name`() throws {
        let driver = try TopologyTestDriver(try CountTopology.make(), state: .memory)
        #expect(throws: TestDriverError.unknownTopic("inputs", known: ["input"])) {
            try driver.pipe(topic: "inputs", key: nil, value: nil)
        }
    }

    @Test func `unreadable bytes are an error by default, and are counted if they become dead letters`() throws {
        let strict = try TopologyTestDriver(try CountTopology.make(), state: .memory)
        #expect(throws: DeserializationFailure.self) { try strict.pipe(topic: "input", key: [0xff], value: []) }

        var configuration = StreamsConfiguration()
        configuration.onDeserializationFailure = { _ in .deadLetter(topic: "dead") }
        let lenient = try TopologyTestDriver(
            try CountTopology.make(), configuration: configuration, state: .memory)
        try lenient.pipe(topic: "input", key: [0xff], value: [], at: Timestamp(ms: 7))
        #expect(lenient.writtenTopics == ["dead"])
        try lenient.pipe(CountTopology.input, key: "a", value: "x", at: Timestamp(ms: 8))
        #expect(lenient.drops == [DropKey(node: "source", reason: .deserialization): 1])
        #expect(lenient.kafkaDroppedRecords == 1)
        let dead = lenient.readBytes(from: "dead")
        #expect(dead.map(\.key) == [[0xff]])
        #expect(dead[0].headers["__streams.errors.topic"] == Array("input".utf8))
        #expect(dead[0].headers["__streams.errors.offset"] == Array("0".utf8))
        #expect(try lenient.read(from: CountTopology.counts).map(\.value) == [1])
    }
}
