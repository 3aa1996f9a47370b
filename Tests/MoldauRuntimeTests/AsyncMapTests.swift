import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauTesting
import MoldauTopology
import Synchronization
import Testing

/// Holds asynchronous closures back until the test releases them.
final class Gate: Sendable {
    private struct State {
        var waiting: [String: CheckedContinuation<Void, any Error>] = [:]
        var cancelled: [String] = []
    }

    private let state = Mutex(State())

    func pass(_ name: String) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                state.withLock { $0.waiting[name] = continuation }
            }
        } onCancel: {
            let held = state.withLock { state in
                state.cancelled.append(name)
                return state.waiting.removeValue(forKey: name)
            }
            held?.resume(throwing: CancellationError())
        }
    }

    func open(_ name: String) { state.withLock { $0.waiting.removeValue(forKey: name) }?.resume() }
    var waiting: [String] { state.withLock { $0.waiting.keys.sorted() } }
    var cancelled: [String] { state.withLock { $0.cancelled } }
}

struct AsyncMapTests {
    struct Refused: Error {}

    static let input = Topic<String, String>("input")
    static let out = Topic<String, String>("out")

    private func topology(
        maxInFlight: Int = 100, retry: AsyncRetry = .never, timeout: Duration = .seconds(30),
        _ transform: @escaping @Sendable (String) async throws -> String
    ) throws -> Topology {
        try Topology { streams in
            streams.stream(Self.input)
                .mapValuesAsync(
                    named: "ask", maxInFlight: maxInFlight, retry: retry, timeout: timeout, transform
                ).to(Self.out)
        }
    }

    private func pipe(_ values: [String], into driver: TopologyTestDriver, at times: [Int64]? = nil) throws {
        for (index, value) in values.enumerated() {
            try driver.pipe(Self.input, key: "k", value: value, at: Timestamp(ms: times?[index] ?? Int64(index)))
        }
    }

    @Test func `keeps key, time, headers and origin, and drains after each record`() throws {
        let origins = Gathered<String>()
        let topology = try Topology { streams in
            streams.stream(Self.input)
                .mapValuesAsync { key, value in
                    await Task.yield()
                    return key + value
                }
                .process { OriginReader(origins) }
                .to(Self.out)
        }
        let driver = try TopologyTestDriver(topology, state: .memory)
        try driver.pipe(Self.input, key: "a", value: "1", at: Timestamp(ms: 7), headers: [Header("h", "x")])
        let first = try driver.read(from: Self.out)
        #expect(first == [Record(key: "a", value: "a1", timestamp: Timestamp(ms: 7), headers: [Header("h", "x")])])
        try driver.pipe(Self.input, key: "b", value: "2", at: Timestamp(ms: 5))
        #expect(try driver.read(from: Self.out).map(\.value) == ["b2"])
        #expect(origins.all == ["input-0@0 7", "input-0@1 7"])
    }

    @Test func `results are forwarded in record order, whichever completes first`() throws {
        let gate = Gate()
        let driver = try TopologyTestDriver(
            try topology { value in
                try await gate.pass(value)
                return value
            }, state: .memory, draining: .whenAsked)
        try pipe(["a", "b", "c"], into: driver)
        #expect(gate.waiting == ["a", "b", "c"])
        gate.open("c")
        gate.open("b")
        try driver.advanceWallClock(by: .zero)
        #expect(try driver.read(from: Self.out).isEmpty)
        gate.open("a")
        try driver.drainAsync()
        #expect(try driver.read(from: Self.out).map(\.value) == ["a", "b", "c"])
    }

    @Test func `an operator at its in-flight limit makes the task wait, and no record is lost`() throws {
        let gate = Gate()
        let driver = try TopologyTestDriver(
            try topology(maxInFlight: 2) { value in
                try await gate.pass(value)
                return value
            }, state: .memory, draining: .whenAsked)
        try pipe(["a", "b", "c", "d"], into: driver)
        #expect(gate.waiting == ["a", "b"])
        gate.open("a")
        try driver.advanceWallClock(by: .zero)
        #expect(gate.waiting == ["b", "c"])
        for name in ["b", "c"] { gate.open(name) }
        try driver.advanceWallClock(by: .zero)
        gate.open("d")
        try driver.drainAsync()
        #expect(try driver.read(from: Self.out).map(\.value) == ["a", "b", "c", "d"])
    }

    @Test func `a failed call is retried after a backoff, up to the maximum number of attempts`() throws {
        let calls = Gathered<String>()
        var configuration = StreamsConfiguration()
        configuration.onProcessingFailure = { _ in .skip }
        let driver = try TopologyTestDriver(
            try topology(retry: .upTo(3, backoff: .milliseconds(100))) { value in
                calls.add(value)
                if value == "bad" || value == "once" && calls.all.count(where: { $0 == "once" }) == 1 {
                    throw Refused()
                }
                return value
            }, configuration: configuration, state: .memory)
        try pipe(["once", "good"], into: driver)
        #expect(calls.all == ["once", "good"])
        try driver.advanceWallClock(by: .milliseconds(49))
        #expect(calls.all.count == 2)
        try driver.advanceWallClock(by: .milliseconds(51))
        #expect(try driver.read(from: Self.out).map(\.value) == ["once", "good"])
        try pipe(["bad"], into: driver)
        var retries: [Int] = []
        for tick in 1...30 {
            try driver.advanceWallClock(by: .milliseconds(10))
            if calls.all.count(where: { $0 == "bad" }) == retries.count + 2 { retries.append(tick * 10) }
        }
        // The first pause is 50 to 100 ms, and each further one twice as long.
        try #require(retries.count == 2)
        #expect((50...100).contains(retries[0]) && (100...200).contains(retries[1] - retries[0]))
        #expect(calls.all.filter { $0 == "bad" }.count == 3)
        #expect(driver.drops == [DropKey(node: "ask", reason: .processing): 1])
    }

    @Test func `an error that is not retryable is not retried`() throws {
        let calls = Gathered<String>()
        let driver = try TopologyTestDriver(
            try topology(retry: .upTo(3) { !($0 is Refused) }) { value in
                calls.add(value)
                throw Refused()
            }, state: .memory)
        #expect(throws: ProcessingFailure.self) { try pipe(["bad"], into: driver) }
        #expect(calls.all == ["bad"])
    }

    @Test func `a call that exceeds its timeout on the application's clock is cancelled`() throws {
        let gate = Gate()
        let failures = Gathered<String>()
        var configuration = StreamsConfiguration()
        configuration.onProcessingFailure = { failure in
            failures.add("\(failure.underlying) \(failure.origin?.offset.value ?? -1)")
            return .skip
        }
        let driver = try TopologyTestDriver(
            try topology(timeout: .seconds(2)) { value in
                if value == "slow" { try await gate.pass(value) }
                return value
            }, configuration: configuration, state: .memory, draining: .whenAsked)
        try pipe(["good", "slow", "next"], into: driver)
        #expect(try driver.read(from: Self.out).map(\.value) == ["good"])
        try driver.advanceWallClock(by: .milliseconds(1_999))
        #expect(gate.cancelled.isEmpty)
        try driver.advanceWallClock(by: .milliseconds(1))
        #expect(gate.cancelled == ["slow"])
        #expect(failures.all == ["\(AsyncTimeout(timeout: .seconds(2))) 1"])
        #expect(try driver.read(from: Self.out).map(\.value) == ["next"])
    }

    @Test func `the record that failed goes to the dead-letter topic, not the latest one`() throws {
        let gate = Gate()
        var configuration = StreamsConfiguration()
        configuration.onProcessingFailure = { _ in .deadLetter(topic: "dead") }
        let driver = try TopologyTestDriver(
            try topology { value in
                try await gate.pass(value)
                if value == "bad" { throw Refused() }
                return value
            }, configuration: configuration, state: .memory, draining: .whenAsked)
        try driver.pipe(Self.input, key: "k", value: "bad", at: Timestamp(ms: 3), headers: [Header("h", "x")])
        try pipe(["good"], into: driver)
        gate.open("bad")
        gate.open("good")
        try driver.drainAsync()
        let dead = driver.readBytes(from: "dead")
        #expect(dead.map(\.value) == [Array("bad".utf8)])
        #expect(dead.map(\.timestamp) == [Timestamp(ms: 3)])
        #expect(dead.first?.headers["__streams.errors.offset"] == Array("0".utf8))
        #expect(dead.first?.headers["h"] == Array("x".utf8))
        #expect(try driver.read(from: Self.out).map(\.value) == ["good"])
    }

    @Test func `windows after it close as after a synchronous operator`() throws {
        func counts(_ make: (KStream<String, String>) -> KStream<String, String>) throws -> [String] {
            let seen = Gathered<String>()
            let topology = try Topology { streams in
                make(streams.stream(Self.input)).groupByKey()
                    .windowedBy(.tumbling(.milliseconds(10), grace: .zero), emit: .onWindowClose).count()
                    .toStream().forEach { key, value in seen.add("\(key)=\(value ?? 0)") }
            }
            let driver = try TopologyTestDriver(topology, state: .memory)
            try pipe(["a", "b", "c", "d", "e"], into: driver, at: [1, 12, 3, 25, 40])
            return seen.all + ["\(driver.kafkaDroppedRecords)"]
        }
        let synchronous = try counts { $0.mapValues { $0 } }
        #expect(synchronous.count == 4)
        #expect(try counts { $0.mapValuesAsync { $0 } } == synchronous)
    }

    @Test func `stream time does not overtake records in flight`() throws {
        let (gate, seen) = (Gate(), Gathered<String>())
        let topology = try Topology { streams in
            streams.stream(Self.input)
                .mapValuesAsync { value in
                    if value != "a" { try await gate.pass(value) }
                    return value
                }
                .process { Ticker(seen) }.to(Self.out)
        }
        let driver = try TopologyTestDriver(topology, state: .memory, draining: .whenAsked)
        try pipe(["a", "b", "c"], into: driver, at: [1, 11, 21])
        #expect(seen.all == ["a at 1", "tick 1"])
        gate.open("b")
        try driver.advanceWallClock(by: .zero)
        #expect(seen.all == ["a at 1", "tick 1", "b at 11", "tick 11"])
        gate.open("c")
        try driver.drainAsync()
        #expect(seen.all.suffix(2) == ["c at 21", "tick 21"])
    }

    @Test func `chained operators, and one after buffered changes, emit all results before a commit`() throws {
        let topology = try Topology(TopologyOptions(emission: .lastPerCommit())) { streams in
            let numbered = streams.stream(Self.input).mapValuesAsync { $0 + "1" }.mapValuesAsync { $0 + "2" }
            let joined: KTable<String, String> = numbered.groupByKey().reduce { $0 + $1 }
            joined.toStream().mapValuesAsync { (value: String?) in (value ?? "") + "3" }.to(Self.out)
        }
        let driver = try TopologyTestDriver(topology, state: .memory)
        try pipe(["a", "b"], into: driver)
        #expect(try driver.read(from: Self.out).map(\.value) == ["a123", "a12b123"])
    }

    @Test(arguments: [(0, 1, 30_000), (1, 0, 30_000), (1, 1, 0)])
    func `invalid settings are rejected`(maxInFlight: Int, attempts: Int, timeoutMs: Int64) {
        #expect(throws: TopologyError.self) {
            _ = try topology(
                maxInFlight: maxInFlight, retry: AsyncRetry(attempts: attempts, backoff: .zero),
                timeout: .milliseconds(timeoutMs)
            ) { $0 }
        }
    }
}

/// Collects origins and stream time.
private final class OriginReader: Processor {
    private let seen: Gathered<String>
    private var context: ProcessorContext<String, String>?

    init(_ seen: Gathered<String>) { self.seen = seen }

    func start(_ context: ProcessorContext<String, String>) { self.context = context }

    func process(_ record: Record<String, String>) throws {
        guard let context, let origin = context.origin else { return seen.add("nothing") }
        seen.add("\(origin.topic)-\(origin.partition)@\(origin.offset) \(context.streamTime)")
        try context.forward(record)
    }
}

/// Collects records, and the times of stream-time punctuations every 10 ms.
private final class Ticker: Processor {
    private let seen: Gathered<String>
    private var context: ProcessorContext<String, String>?

    init(_ seen: Gathered<String>) { self.seen = seen }

    func start(_ context: ProcessorContext<String, String>) throws {
        self.context = context
        try context.schedule(every: .milliseconds(10), .streamTime) { [seen] time in seen.add("tick \(time)") }
    }

    func process(_ record: Record<String, String>) throws {
        seen.add("\(record.value) at \(context?.streamTime ?? .none)")
    }
}
