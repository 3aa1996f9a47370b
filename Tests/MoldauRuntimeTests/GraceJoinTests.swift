import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

struct GraceJoinTests {
    static let orders = Topic<String, String>("orders")
    static let prices = Topic<String, String>("prices")
    static let out = Topic<String, String>("out")

    private func topology(grace: Duration, retention: Duration? = .seconds(1)) throws -> Topology {
        try Topology { streams in
            let prices = streams.table(
                Self.prices, as: retention.map { VersionedStoreName("prices-store", historyRetention: $0) })
            streams.stream(Self.orders)
                .leftJoin(prices, named: "priced", grace: grace) { order, price in "\(order) at \(price ?? "?")" }
                .to(Self.out)
        }
    }

    @Test func `a record waits for a late row, and keeps its timestamp and headers`() throws {
        let driver = try TopologyTestDriver(try topology(grace: .milliseconds(10)))
        let headers: Headers = [Header("trace", "1"), Header("empty", nil)]
        try driver.pipe(Self.orders, key: "k", value: "first", at: Timestamp(ms: 100), headers: headers)
        try driver.pipe(Self.prices, key: "k", value: "5", at: Timestamp(ms: 99))
        try driver.pipe(Self.prices, key: "k", value: "6", at: Timestamp(ms: 101))
        #expect(try driver.read(from: Self.out).isEmpty)
        try driver.pipe(Self.orders, key: "k", value: "second", at: Timestamp(ms: 110))
        let records = try driver.read(from: Self.out)
        #expect(records.map(\.value) == ["first at 5"])
        #expect(records.map(\.timestamp.ms) == [100])
        #expect(records.map(\.headers) == [headers])
    }

    @Test func `a record beyond the grace period is joined at once`() throws {
        let driver = try TopologyTestDriver(try topology(grace: .milliseconds(10)))
        try driver.pipe(Self.orders, key: "k", value: "first", at: Timestamp(ms: 100))
        try driver.pipe(Self.orders, key: "k", value: "late", at: Timestamp(ms: 89))
        #expect(try driver.read(from: Self.out).map(\.value) == ["late at ?"])
    }

    /// The layouts at the top of GraceBuffer.swift.
    @Test func `waiting records are written to the changelog in Kafka Streams' format`() throws {
        let driver = try TopologyTestDriver(try topology(grace: .milliseconds(10)), state: .memory)
        try driver.pipe(Self.orders, key: "k", value: "v", at: Timestamp(ms: 5), headers: [Header("h", "1")])
        let written = try #require(driver.readBytes(from: "test-priced-Buffer-changelog").first)
        #expect(written.key == [0, 0, 0, 0, 0, 0, 0, 0, 5] + Array("k".utf8) + [0, 0, 0, 1])
        var value: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6] + Array("orders".utf8)
        value += [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1] + Array("h".utf8) + [0, 0, 0, 1] + Array("1".utf8)
        value += [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1] + Array("v".utf8)
        value += [0, 0, 0, 0, 0, 0, 0, 0]
        #expect(written.value == value)
    }

    @Test func `waiting records survive a restart, and so does stream time`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["orders": 1, "prices": 1, "out": 1])
        try fixture.write("orders", "k", "first", at: 100)
        let first = try fixture.thread(try topology(grace: .milliseconds(10)), inMemory: false)
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 0))
        try fixture.write("orders", "k", "late", at: 50)
        let second = try fixture.thread(try topology(grace: .milliseconds(10)), inMemory: false)
        try second.runUntilIdle()
        try second.commit(now: Timestamp(ms: 0))
        #expect(try fixture.read(Self.out).map(\.value) == ["late at ?"])
        try fixture.write("orders", "k", "next", at: 110)
        try second.runUntilIdle()
        try second.stop(now: Timestamp(ms: 0))
        #expect(try fixture.read(Self.out).map(\.value) == ["late at ?", "first at ?"])
    }

    @Test(arguments: [(10, nil), (10, 9), (-1, 100)] as [(Int, Int?)])
    func `a plain table, a history that is too short and a negative grace are rejected`(grace: Int, retention: Int?) {
        #expect(throws: TopologyError.self) {
            try topology(grace: .milliseconds(grace), retention: retention.map { .milliseconds($0) })
        }
    }
}
