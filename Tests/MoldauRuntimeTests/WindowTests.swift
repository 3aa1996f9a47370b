import Moldau
import MoldauRecords
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

/// Windowed aggregations the way users write them. Kafka Streams' behaviour, record by record, is in ConformanceTests.
struct WindowTests {
    private let clicks = Topic<String, String>("clicks")

    /// Pipes clicks in, and returns the result's rows as text, each with the index of its input.
    private func rows<Value>(
        _ inputs: [(key: String, value: String, time: Int64)], _ options: TopologyOptions = TopologyOptions(),
        _ build: (KStream<String, String>) -> KTable<Windowed<String>, Value>
    ) throws -> (rows: [String], drops: [DropReason: Int64]) {
        let seen = Gathered<String>()
        let topology = try Topology(options) { streams in
            build(streams.stream(clicks)).toStream().foreach { key, value in
                seen.add("\(key)=\(value.map { "\($0)" } ?? "nil")")
            }
        }
        let driver = try TopologyTestDriver(topology)
        for input in inputs {
            try driver.pipe(clicks, key: input.key, value: input.value, at: Timestamp(ms: input.time))
        }
        let drops = driver.drops.reduce(into: [:]) { $0[$1.key.reason, default: 0] += $1.value }
        try driver.close()
        return (seen.all, drops)
    }

    @Test func `tumbling windows count separately, and late records are dropped and counted`() throws {
        let result = try rows([
            ("a", "x", 0), ("a", "x", 9), ("a", "x", 10), ("a", "x", 3), ("a", "x", 15), ("a", "x", 9),
        ]) {
            $0.groupByKey().windowedBy(.tumbling(.milliseconds(10), grace: .milliseconds(5))).count()
        }
        #expect(result.rows == ["[a@0/10]=1", "[a@0/10]=2", "[a@10/20]=1", "[a@0/10]=3", "[a@10/20]=2"])
        #expect(result.drops == [.late: 1])
    }

    @Test func `hopping windows overlap, and start at 0 at the earliest`() throws {
        let result = try rows([("a", "x", 3), ("a", "y", 7)]) {
            $0.groupByKey().windowedBy(.hopping(.milliseconds(10), every: .milliseconds(5), grace: .zero))
                .reduce { $0 + $1 }
        }
        #expect(result.rows == ["[a@0/10]=x", "[a@0/10]=xy", "[a@5/15]=y"])
    }

    /// Days of a time zone: one of 23 hours, one of 25. A millisecond stands for an hour.
    @Test(arguments: [false, true])
    func `custom windows keep their own ends`(isSuppressed: Bool) throws {
        let edges: [Int64] = [0, 23, 48, 72, 96]
        let days = CustomWindows(size: .milliseconds(25), grace: .zero) { time in
            zip(edges, edges.dropFirst()).map { Window(start: Timestamp(ms: $0), end: Timestamp(ms: $1)) }
                .filter { $0.start <= time && time < $0.end }
        }
        var options = TopologyOptions()
        if !isSuppressed { options.emission = .lastPerCommit() }
        let inputs: [(key: String, value: String, time: Int64)] = [
            ("a", "x", 1), ("a", "y", 22), ("a", "z", 24), ("a", "v", 50), ("a", "w", 90),
        ]
        let result = try rows(inputs, options) {
            let table = $0.groupByKey().windowedBy(days).count()
            return isSuppressed ? table.suppress(.untilWindowCloses()) : table
        }
        let closed = ["[a@0/23]=2", "[a@23/48]=1", "[a@48/72]=1"]
        #expect(result.rows == (isSuppressed ? closed : ["[a@0/23]=1"] + closed + ["[a@72/96]=1"]))
    }

    @Test func `custom windows and unlimited windows are aggregated`() throws {
        let custom = try rows([("a", "x", 3), ("a", "x", 12)]) {
            $0.groupByKey().windowedBy(
                CustomWindows(size: .milliseconds(8), grace: .zero) { time in
                    let start = Timestamp(ms: time.ms / 8 * 8)
                    return [Window(start: start, size: .milliseconds(8))]
                }
            ).count()
        }
        #expect(custom.rows == ["[a@0/8]=1", "[a@8/16]=1"])
        let unlimited = try rows([("a", "x", 4), ("a", "x", 5), ("a", "x", 1_000_000), ("a", "x", 6)]) {
            $0.groupByKey().windowedBy(.unlimited(from: Timestamp(ms: 5))).count()
        }
        #expect(unlimited.rows == (1...3).map { "[a@5/9223372036854775807]=\($0)" })
    }

    @Test func `windows at the maximum timestamp do not overflow`() throws {
        for windows in [
            TimeWindows.hopping(.milliseconds(10), every: .milliseconds(3), grace: .zero),
            .sliding(.milliseconds(10), grace: .zero),
        ] {
            let result = try rows([("a", "x", .max), ("a", "x", .max - 1), ("a", "x", .max)]) {
                $0.groupByKey().windowedBy(windows).count()
            }
            #expect(result.drops[.late] ?? 0 > 0)  // No window ends after the maximum timestamp.
        }
        let sessions = try rows([("a", "x", .max), ("a", "x", .max - 1)]) {
            $0.groupByKey().windowedBy(.sessions(gap: .milliseconds(10), grace: .zero)).count()
        }
        #expect(sessions.rows.last == "[a@9223372036854775806/9223372036854775807]=2")
    }

    @Test func `a record between two sessions merges them`() throws {
        let result = try rows([("a", "x", 0), ("a", "y", 20), ("a", "z", 10)]) {
            $0.groupByKey().windowedBy(.sessions(gap: .milliseconds(10), grace: .milliseconds(50)))
                .aggregate("", into: { pages, _, page in pages += page }, merging: { pages, _, more in pages += more })
        }
        #expect(result.rows == ["[a@0/0]=x", "[a@20/20]=y", "[a@0/0]=nil", "[a@20/20]=nil", "[a@0/20]=xyz"])
    }

    /// The session at 142 is older than what a store in memory accepts, but a late record extends it.
    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `a session that a late record extended is deleted, and is not counted again`(kind: StoreKind) throws {
        let inputs: [(String, String, Int64)] = [("a", "x", 142), ("b", "x", 176), ("a", "x", 168), ("a", "x", 169)]
        let result = try rows(inputs, TopologyOptions(storeKinds: StoreKinds(kind))) {
            $0.groupByKey().windowedBy(.sessions(gap: .milliseconds(28), grace: .milliseconds(5))).count()
        }
        #expect(
            result.rows == [
                "[a@142/142]=1", "[b@176/176]=1", "[a@142/142]=nil", "[a@142/168]=2", "[a@142/168]=nil",
                "[a@142/169]=3",
            ])
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `a session that ended exactly one gap ago is kept`(kind: StoreKind) throws {
        let inputs: [(String, String, Int64)] = [("a", "x", 38), ("b", "x", 17), ("b", "x", 16)]
        let result = try rows(inputs, TopologyOptions(storeKinds: StoreKinds(kind))) {
            $0.groupByKey().windowedBy(.sessions(gap: .milliseconds(21), grace: .zero)).count()
        }
        #expect(result.rows == ["[a@38/38]=1", "[b@17/17]=1", "[b@17/17]=nil", "[b@16/17]=2"])
        #expect(result.drops.isEmpty)
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `on window close, each result is sent once, also after a pause in the input`(kind: StoreKind) throws {
        let inputs: [(String, String, Int64)] = [
            ("a", "x", 1), ("b", "x", 2), ("a", "x", 8), ("a", "x", 10_000_000), ("b", "x", 10_000_011),
        ]
        let windows: [TimeWindows] = [
            .tumbling(.milliseconds(10), grace: .zero), .sliding(.milliseconds(9), grace: .zero),
        ]
        var complete = TopologyOptions(storeKinds: StoreKinds(kind))
        for (window, expected) in zip(windows, [["[a@0/10]=2", "[b@0/10]=1", "[a@10000000/10000010]=1"], nil]) {
            let result = try rows(inputs, complete) {
                $0.groupByKey().windowedBy(window, emit: .onWindowClose).count()
            }
            if let expected { #expect(result.rows == expected) }
            #expect(Set(result.rows).count == result.rows.count)
            #expect(result.rows.contains("[a@10000000/10000010]=1") || result.rows.contains("[a@9999991/10000000]=1"))
        }
        let sessions = try rows(inputs, complete) {
            $0.groupByKey().windowedBy(.sessions(gap: .milliseconds(10), grace: .zero), emit: .onWindowClose).count()
        }
        #expect(sessions.rows == ["[b@2/2]=1", "[a@1/8]=2", "[a@10000000/10000000]=1"])
        // Kafka Streams has forgotten the windows from before the pause when the next record arrives.
        complete.windowMemory = .kafkaStreams
        let kafka = try rows(inputs, complete) {
            $0.groupByKey().windowedBy(windows[0], emit: .onWindowClose).count()
        }
        #expect(kafka.rows == ["[a@10000000/10000010]=1"])
    }

    @Test func `buffered changes give the last one of each window and commit`() throws {
        let result = try rows([("a", "x y x", 3), ("b", "x", 12)], TopologyOptions(emission: .lastPerCommit())) {
            $0.flatMapValues { $0.split(separator: " ").map(String.init) }
                .groupByKey().windowedBy(.hopping(.milliseconds(10), every: .milliseconds(5), grace: .zero)).count()
        }
        #expect(result.rows == ["[a@0/10]=3", "[b@5/15]=1", "[b@10/20]=1"])
    }

    @Test(
        arguments: [
            (TimeWindows.tumbling(.zero, grace: .zero), "size of the windows is 0 ms"),
            (.hopping(.milliseconds(10), every: .milliseconds(11), grace: .zero), "10 ms cannot advance by 11 ms"),
            (.hopping(.milliseconds(10), every: .milliseconds(-5), grace: .zero), "advance by -5 ms"),
            (.sliding(.milliseconds(-1), grace: .zero), "difference is -1 ms"),
            (.tumbling(.milliseconds(10), grace: .milliseconds(-1)), "grace is -1 ms"),
            (.tumbling(.milliseconds(10), grace: .milliseconds(15)), "retention is 20 ms"),
            (.sliding(.milliseconds(10), grace: .milliseconds(5)), "at least 25 ms"),
        ] as [(TimeWindows, String)])
    func `invalid window sizes are topology errors that contain the numbers`(windows: TimeWindows, said: String) {
        let error = #expect(throws: TopologyError.self) {
            _ = try rows([]) {
                $0.groupByKey().windowedBy(windows).count(as: Materialized(retention: .milliseconds(20)))
            }
        }
        #expect(error?.description.contains(said) == true)
    }

    @Test func `invalid gaps and starts are topology errors that contain the numbers`() {
        let gap = #expect(throws: TopologyError.self) {
            _ = try rows([]) { $0.groupByKey().windowedBy(.sessions(gap: .milliseconds(-5), grace: .zero)).count() }
        }
        #expect(gap?.description.contains("-5 ms") == true)
        let start = #expect(throws: TopologyError.self) {
            _ = try rows([]) { $0.groupByKey().windowedBy(.unlimited(from: Timestamp(ms: -7))).count() }
        }
        #expect(start?.description.contains("-7 ms") == true)
    }

    @Test func `a processor's own window store counts expired records`() throws {
        final class Keeping: Processor {
            typealias KeyOut = String
            typealias ValueOut = String
            var store: WindowStore<String, String>?

            func start(_ context: ProcessorContext<String, String>) throws { store = try context.store(name) }
            func process(_ record: Record<String, String>) throws {
                try store?.put(record.key, record.value, at: record.timestamp)
            }
        }
        let topology = try Topology { streams in
            streams.addStore(StoreDefinition(name, size: .milliseconds(1), retention: .milliseconds(10)))
            let _: KStream<String, String> = streams.stream(clicks).process(stores: [name]) { Keeping() }
        }
        let driver = try TopologyTestDriver(topology)
        for time in [1_000_000, 5, 999_995] as [Int64] {
            try driver.pipe(clicks, key: "k", value: "v", at: Timestamp(ms: time))
        }
        #expect(driver.drops == [DropKey(node: "kept", reason: .expired): 1])
        #expect(try driver.store(name).all().collect().count == 2)
    }
}

private let name = PlainWindowStoreName<String, String>("kept")

extension KStream {
    fileprivate func foreach(_ body: @escaping @Sendable (Key, Value) -> Void) { _ = peek { body($0, $1) } }
}
