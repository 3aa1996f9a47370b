import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

struct StreamJoinTests {
    static let left = Topic<String, String>("left")
    static let right = Topic<String, String>("right")
    static let out = Topic<String, String>("out")

    private func outer(_ windows: JoinWindows) throws -> Topology {
        try Topology { streams in
            streams.stream(Self.left)
                .outerJoin(streams.stream(Self.right), within: windows, named: "pair", storesNamed: "pair") {
                    left, right in
                    "\(left ?? "-")\(right ?? "-")"
                }
                .to(Self.out)
        }
    }

    private let tenMs = JoinWindows(difference: .milliseconds(10), grace: .milliseconds(5))

    @Test func `a record without a match is sent after its window ends, with its own timestamp`() throws {
        let driver = try TopologyTestDriver(try outer(tenMs), state: .memory)
        try driver.pipe(Self.left, key: "a", value: "A", at: Timestamp(ms: 100))
        try driver.pipe(Self.right, key: "b", value: "B", at: Timestamp(ms: 115))
        #expect(try driver.read(from: Self.out).isEmpty)
        try driver.pipe(Self.right, key: "c", value: "C", at: Timestamp(ms: 116))
        let emitted = try driver.read(from: Self.out)
        #expect(emitted.map(\.value) == ["A-"])
        #expect(emitted.map(\.timestamp.ms) == [100])
    }

    @Test(arguments: [StoreKind.rocksDB, .inMemory], [false, true])
    func `a window of zero length joins records with the same timestamp`(kind: StoreKind, isSelfJoin: Bool) throws {
        let windows = JoinWindows(difference: .zero, grace: .zero)
        let options = TopologyOptions(storeKinds: StoreKinds(kind), optimizations: .all)
        let topology = try Topology(options) { streams in
            let left = streams.stream(Self.left)
            let right = isSelfJoin ? left : streams.stream(Self.right)
            left.leftJoin(right, within: windows) { left, right in "\(left)\(right ?? "-")" }.to(Self.out)
        }
        let driver = try TopologyTestDriver(topology, state: kind == .rocksDB ? .temporaryDirectory : .memory)
        defer { try? driver.close() }
        try driver.pipe(Self.left, key: "a", value: "A", at: Timestamp(ms: 100))
        if !isSelfJoin { try driver.pipe(Self.right, key: "a", value: "x", at: Timestamp(ms: 100)) }
        try driver.pipe(Self.left, key: "a", value: "B", at: Timestamp(ms: 101))
        try driver.pipe(Self.left, key: "z", value: "Z", at: Timestamp(ms: 102))
        let joined = try driver.read(from: Self.out).map(\.value)
        #expect(joined == (isSelfJoin ? ["AA", "BB", "ZZ"] : ["Ax", "B-"]))
    }

    /// The window of the record at 0 ends at 10, its grace at 30. With Kafka Streams' window memory, its result without
    /// a match is sent at once (KAFKA-19536).
    @Test(arguments: [WindowMemory.complete, .kafkaStreams])
    func `a late record within the grace period waits for its match`(memory: WindowMemory) throws {
        let windows = JoinWindows(difference: .milliseconds(10), grace: .milliseconds(20))
        let topology = try Topology(TopologyOptions(windowMemory: memory)) { streams in
            streams.stream(Self.left).leftJoin(streams.stream(Self.right), within: windows) { "\($0)+\($1 ?? "null")" }
                .to(Self.out)
        }
        let driver = try TopologyTestDriver(topology, state: .memory)
        try driver.pipe(Self.left, key: "other", value: "O", at: Timestamp(ms: 15))
        try driver.pipe(Self.left, key: "k", value: "A", at: Timestamp(ms: 0))
        try driver.pipe(Self.left, key: "j", value: "B", at: Timestamp(ms: 1))
        try driver.pipe(Self.right, key: "k", value: "a", at: Timestamp(ms: 5))
        let early = memory == .complete ? [] : ["A+null", "B+null"]
        #expect(try driver.read(from: Self.out).map(\.value) == early + ["A+a"])
        try driver.pipe(Self.left, key: "z", value: "Z", at: Timestamp(ms: 32))
        #expect(try driver.read(from: Self.out).map(\.value) == (memory == .complete ? ["B+null"] : []))
    }

    @Test func `a match in time replaces the result without a match`() throws {
        let driver = try TopologyTestDriver(try outer(tenMs), state: .memory)
        try driver.pipe(Self.left, key: "a", value: "A", at: Timestamp(ms: 100))
        try driver.pipe(Self.left, key: "a", value: "B", at: Timestamp(ms: 100))
        try driver.pipe(Self.right, key: "a", value: "x", at: Timestamp(ms: 110))
        try driver.pipe(Self.right, key: "z", value: "z", at: Timestamp(ms: 500))
        #expect(try driver.read(from: Self.out).map(\.value) == ["Ax", "Bx"])
    }

    /// 100 in eight bytes, 1 for the left side, the key; a list of two values, each with 1 for the left side.
    @Test func `waiting records are written to the changelog in Kafka Streams' format`() throws {
        let driver = try TopologyTestDriver(try outer(tenMs), state: .memory)
        try driver.pipe(Self.left, key: "k", value: "A", at: Timestamp(ms: 100))
        try driver.pipe(Self.left, key: "k", value: "B", at: Timestamp(ms: 100))
        let last = try #require(driver.readBytes(from: "test-pair-outer-shared-join-store-changelog").last)
        #expect(last.key == [0, 0, 0, 0, 0, 0, 0, 100, 1] + Array("k".utf8))
        #expect(last.value == [1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 0x41, 0, 0, 0, 2, 1, 0x42])
    }

    @Test func `waiting records survive a restart`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["left": 1, "right": 1, "out": 1])
        try fixture.write("left", "a", "A", at: 100)
        let first = try fixture.thread(try outer(tenMs), inMemory: false)
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 0))
        try fixture.write("right", "z", "Z", at: 200)
        let second = try fixture.thread(try outer(tenMs), now: 5_000, inMemory: false)
        try second.runUntilIdle(now: 5_000)
        try second.stop(now: Timestamp(ms: 5_000))
        #expect(try fixture.read(Self.out).map(\.value) == ["A-"])
    }

    @Test func `closed windows are searched for at most once a second`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["left": 1, "right": 1, "out": 1])
        let thread = try fixture.thread(try outer(tenMs))
        func pipe(_ value: String, at time: Int64, now: Int64) throws {
            try fixture.write("left", value, value, at: time)
            try fixture.write("right", "other-\(value)", "", at: time)
            try thread.runUntilIdle(now: now)
            try thread.commit(now: Timestamp(ms: now))
        }
        try pipe("a", at: 100, now: 0)
        try pipe("b", at: 200, now: 999)
        #expect(try fixture.read(Self.out).isEmpty)
        try pipe("c", at: 300, now: 1_000)
        #expect(try fixture.read(Self.out).map(\.value) == ["-", "a-", "-", "b-"])
        try thread.stop(now: Timestamp(ms: 1_000))
    }

    @Test(arguments: [
        JoinWindows(before: .milliseconds(-5), after: .milliseconds(4), grace: .zero),
        JoinWindows(difference: .zero, grace: .milliseconds(-1)),
    ])
    func `windows that end before they begin or have a negative grace period are rejected`(windows: JoinWindows) {
        #expect(throws: TopologyError.self) { try outer(windows) }
    }

    @Test func `a self-join gives the same results with one store as with two`() throws {
        func results(_ optimizations: Set<TopologyOptimization>) throws -> (
            stores: Int, results: [Record<String, String?>]
        ) {
            let options = TopologyOptions(optimizations: optimizations)
            let topology = try Topology(options) { streams in
                let windows = JoinWindows(before: .milliseconds(7), after: .milliseconds(3), grace: .zero)
                streams.stream(Self.left).join(streams.stream(Self.left), within: windows) { $0 + $1 }.to(Self.out)
            }
            let driver = try TopologyTestDriver(topology)
            for (index, time) in [10, 12, 5, 12, 30, 29, 4, 33, 26].enumerated() {
                try driver.pipe(Self.left, key: "k", value: "\(index)", at: Timestamp(ms: Int64(time)))
            }
            return (driver.storeNames.count, try driver.read(from: Self.out))
        }
        let (two, one) = (try results([]), try results([.singleStoreSelfJoin]))
        #expect(two.stores == 2)
        #expect(one.stores == 1)
        #expect(one.results == two.results)
        #expect(two.results.count > 9)
    }
}
