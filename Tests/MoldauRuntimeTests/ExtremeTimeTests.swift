import Moldau
import MoldauRecords
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

/// Timestamps and durations near the 64-bit limits: a time that cannot be represented becomes the last one that can.
struct ExtremeTimeTests {
    static let left = Topic<String, String>("left")
    static let right = Topic<String, String>("right")
    static let out = Topic<String, String>("out")

    private let last = Int64.max

    /// Pipes records of both sides in, and reads the results with their times.
    private func results(
        _ kind: StoreKind, _ inputs: [(topic: Topic<String, String>, value: String, time: Int64)],
        _ build: @escaping (KStream<String, String>, KStream<String, String>) throws -> KStream<String, String>
    ) throws -> [String] {
        let topology = try Topology(TopologyOptions(storeKinds: StoreKinds(kind))) { streams in
            try build(streams.stream(Self.left), streams.stream(Self.right)).to(Self.out)
        }
        let driver = try TopologyTestDriver(topology, state: kind == .rocksDB ? .temporaryDirectory : .memory)
        defer { try? driver.close() }
        for input in inputs {
            try driver.pipe(input.topic, key: "k", value: input.value, at: Timestamp(ms: input.time))
        }
        return try driver.read(from: Self.out).map { "\($0.value ?? "nil")@\($0.timestamp)" }
    }

    @Test func `sums of timestamps and durations saturate at the minimum and maximum timestamp`() {
        #expect(Timestamp(ms: .max - 1) + .milliseconds(5) == Timestamp(ms: .max))
        #expect(Timestamp(ms: .min + 1) - .milliseconds(5) == Timestamp(ms: .min))
        #expect(Timestamp(ms: 5) - .seconds(Int64.max) == Timestamp(ms: 5 - .max))
        #expect(Timestamp(ms: .max) - Timestamp(ms: .min) == .milliseconds(Int64.max))
        #expect(Timestamp(ms: 7) - Timestamp(ms: 10) == .milliseconds(-3))
        #expect(Int64.min.multipliedCapped(by: 2) == .min && Int64.min.multipliedCapped(by: -2) == .max)
    }

    @Test func `the milliseconds of any duration saturate`() {
        let longest = Duration.seconds(Int64.max) + .seconds(Int64.max)
        #expect(longest.milliseconds == .max)
        #expect((Duration.zero - longest).milliseconds == .min)
        #expect(Duration.milliseconds(Int64.max).milliseconds == .max)
        #expect((Duration.milliseconds(Int64.max) + .nanoseconds(1)).milliseconds == .max)
        #expect(Duration.milliseconds(Int64.max - 1).milliseconds == .max - 1)
        #expect(Duration.milliseconds(-1_500).milliseconds == -1_500)
        #expect(Duration.microseconds(-1_500).milliseconds == -1)
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `streams are joined up to the maximum timestamp`(kind: StoreKind) throws {
        let windows = JoinWindows(difference: .milliseconds(10), grace: .milliseconds(5))
        let inputs = [
            (Self.left, "a", 0), (Self.right, "x", 5), (Self.left, "b", last - 10), (Self.right, "y", last),
            (Self.left, "c", last), (Self.right, "z", 3),
        ]
        let joined = try results(kind, inputs) { left, right in
            left.outerJoin(right, within: windows) { "\($0 ?? "-")\($1 ?? "-")" }
        }
        #expect(joined == ["ax@5", "by@\(last)", "cy@\(last)", "-z@3"])
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `a join with the longest window and grace period matches everything`(kind: StoreKind) throws {
        let windows = JoinWindows(difference: .seconds(Int64.max), grace: .seconds(Int64.max))
        let inputs = [(Self.left, "a", 7), (Self.right, "x", last), (Self.left, "b", 0), (Self.right, "y", last - 1)]
        let joined = try results(kind, inputs) { left, right in
            left.leftJoin(right, within: windows) { "\($0)\($1 ?? "-")" }
        }
        #expect(joined == ["ax@\(last)", "bx@\(last)", "by@\(last - 1)", "ay@\(last - 1)"])
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `a stream is joined with itself at the maximum timestamp`(kind: StoreKind) throws {
        let windows = JoinWindows(
            before: .milliseconds(10), after: .milliseconds(10), grace: .seconds(Int64.max))
        let inputs = [(Self.left, "a", last - 1), (Self.left, "b", last)]
        let joined = try results(kind, inputs) { left, _ in left.join(left, within: windows) { $0 + $1 } }
        #expect(joined == ["aa@\(last - 1)", "ba@\(last)", "ab@\(last)", "bb@\(last)"])
    }

    @Test func `records of a window that would begin before 1970 are dropped and counted`() throws {
        // Days of a time zone: the first one begins an hour before 1970.
        let days = CustomWindows(size: .seconds(86_400), grace: .zero) { time in
            let start = (time.ms + 3_600_000) / 86_400_000 * 86_400_000 - 3_600_000
            return [Window(start: Timestamp(ms: start), size: .seconds(86_400))]
        }
        let topology = try Topology { streams in
            streams.stream(Self.left).groupByKey().windowedBy(days).count().toStream { key, _ in key.key }
                .mapValues { "\($0 ?? 0)" }.to(Self.out)
        }
        let driver = try TopologyTestDriver(topology, state: .memory)
        try driver.pipe(Self.left, key: "k", value: "a", at: Timestamp(ms: 0))
        try driver.pipe(Self.left, key: "k", value: "b", at: Timestamp(ms: 83_000_000))
        #expect(try driver.read(from: Self.out).map(\.value) == ["1"])
        #expect(driver.drops.map(\.key.reason) == [.outsideWindows])
    }

    @Test func `a window store rejects a window that begins before 1970, and the handler may skip it`() throws {
        let store = PlainWindowStoreName<String, String>("windows")
        let topology = try Topology { streams in
            streams.addStore(StoreDefinition(store, size: .seconds(1), retention: .seconds(10)))
            streams.stream(Self.left).process(stores: [store]) { HourBefore(store) }.to(Self.out)
        }
        var configuration = StreamsConfiguration()
        configuration.onProcessingFailure = { _ in .skip }
        let driver = try TopologyTestDriver(topology, configuration: configuration, state: .memory)
        try driver.pipe(Self.left, key: "k", value: "a", at: Timestamp(ms: 5))
        try driver.pipe(Self.left, key: "k", value: "b", at: Timestamp(ms: 4_000_000))
        #expect(try driver.read(from: Self.out).map(\.value) == ["b"])
        #expect(driver.drops.map(\.key.reason) == [.processing])
    }

    @Test(arguments: [1, 7, Int64.max / 2, .max])
    func `a punctuation that would be due after the maximum timestamp is not called again`(intervalMs: Int64) throws {
        let times = Gathered<Int64>()
        let topology = try Topology { streams in
            streams.stream(Self.left).process { Ticks(every: .milliseconds(intervalMs), into: times) }.to(Self.out)
        }
        let driver = try TopologyTestDriver(topology, state: .memory)
        for time in [3, last, last] {
            try driver.pipe(Self.left, key: "k", value: "a", at: Timestamp(ms: time))
        }
        #expect(times.all == [3, last])
    }

    private static let hour = Duration.seconds(3_600)
    private static let endless = Duration.seconds(Int64.max)

    struct Windowing: Sendable, CustomTestStringConvertible {
        let name: String
        var windows: TimeWindows?  // nil: one window without end
        let results: [String]
        var testDescription: String { name }
    }

    /// Records at 0, in the last hour, one millisecond before the maximum timestamp, and at 3 again.
    static let windowings = [
        Windowing(name: "tumbling", windows: .tumbling(hour, grace: .zero), results: ["1@0", "1", "2"]),
        Windowing(name: "endless grace", windows: .tumbling(hour, grace: endless), results: ["1@0", "1", "2", "2@3"]),
        Windowing(name: "endless", windows: .tumbling(endless, grace: endless), results: ["1@0", "2", "3", "4"]),
        Windowing(name: "sliding", windows: .sliding(hour, grace: .zero), results: ["1@0", "1", "1", "2"]),
        Windowing(
            name: "endless sliding", windows: .sliding(endless, grace: endless),
            results: ["1@0", "1", "2", "2", "1", "3", "3", "2", "4"]),
        Windowing(name: "unlimited", windows: nil, results: ["1@0", "2", "3", "4"]),
    ]

    @Test(arguments: windowings, [StoreKind.rocksDB, .inMemory])
    func `windows of any length count up to the maximum timestamp`(windowing: Windowing, kind: StoreKind) throws {
        let inputs = [
            (Self.left, "a", 0), (Self.left, "b", last - 1_000), (Self.left, "c", last - 1), (Self.left, "d", 3),
        ]
        let counted = try results(kind, inputs) { left, _ in
            let grouped = left.groupByKey()
            let windowed = windowing.windows.map { grouped.windowedBy($0) } ?? grouped.windowedBy(.unlimited())
            return windowed.count().toStream { key, _ in key.key }
                .mapValues { "\($0 ?? 0)" }
        }
        #expect(counted.count == windowing.results.count)
        for (found, expected) in zip(counted, windowing.results) { #expect(found.hasPrefix(expected)) }
    }
}

/// Stores records an hour before their time.
private final class HourBefore: Processor {
    private let name: PlainWindowStoreName<String, String>
    private var store: WindowStore<String, String>?
    private var context: ProcessorContext<String, String>?

    init(_ name: PlainWindowStoreName<String, String>) { self.name = name }

    func start(_ context: ProcessorContext<String, String>) throws {
        self.context = context
        store = try context.store(name)
    }

    func process(_ record: Record<String, String>) throws {
        try store?.put(record.key, record.value, at: record.timestamp - .seconds(3_600))
        try context?.forward(record)
    }
}

/// Collects the times of stream-time punctuations.
private final class Ticks: Processor {
    private let interval: Duration
    private let times: Gathered<Int64>

    init(every interval: Duration, into times: Gathered<Int64>) { (self.interval, self.times) = (interval, times) }

    func start(_ context: ProcessorContext<String, String>) throws {
        try context.schedule(every: interval, .streamTime) { [times] in times.add($0.ms) }
    }

    func process(_ record: Record<String, String>) throws {}
}
