import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauTesting
import MoldauTopology
import Testing

struct ForeignKeyJoinTests {
    // MARK: Messages

    static let hash = Array("a|x".utf8).withUnsafeBytes { Hash128(murmur3Of: $0) }

    /// Test vectors from Kafka Streams.
    @Test(
        arguments: [
            (0, true, "0100472a1789944f71e539ed7842c7fb4c097000000003"),
            (1, true, "0101472a1789944f71e539ed7842c7fb4c097000000003"),
            (2, true, "0102472a1789944f71e539ed7842c7fb4c097000000003"),
            (3, true, "0103472a1789944f71e539ed7842c7fb4c097000000003"),
            (1, false, "81017000000003"),
        ] as [(UInt8, Bool, String)])
    func `subscriptions are encoded as in Kafka Streams`(instruction: UInt8, hasHash: Bool, hex: String) throws {
        let serde = Subscription.serde(primaryKey: String.serde)
        let subscription = Subscription(
            hash: hasHash ? Self.hash : nil, instruction: try #require(.init(rawValue: instruction)), primaryKey: "p",
            primaryPartition: Partition(3))
        let bytes = try serde.bytes(of: subscription)
        #expect(bytes.hex == hex)
        let read = try decode(bytes, serde)
        #expect(read.hash == subscription.hash)
        #expect(read.instruction == subscription.instruction)
        #expect(read.primaryKey == "p")
        #expect(read.primaryPartition == Partition(3))
    }

    @Test func `subscriptions of version 0 have no partition`() throws {
        let serde = Subscription.serde(primaryKey: String.serde)
        let bytes: [UInt8] = [0x80, 2] + Array("primary".utf8)
        let read = try decode(bytes, serde)
        #expect(read.primaryKey == "primary")
        #expect(read.primaryPartition == nil)
        #expect(try serde.bytes(of: read) == bytes)
    }

    @Test(arguments: [(true, "A", "00472a1789944f71e539ed7842c7fb4c0941"), (false, nil, "80")])
    func `responses are encoded as in Kafka Streams`(hasHash: Bool, foreign: String?, hex: String) throws {
        let serde = SubscriptionResponse.serde(foreign: String.serde)
        let response = SubscriptionResponse(
            hash: hasHash ? Self.hash : nil, foreign: foreign, primaryPartition: Partition(3))
        let bytes = try serde.bytes(of: response)
        #expect(bytes.hex == hex)
        let read = try decode(bytes, serde)
        #expect(read.hash == response.hash)
        #expect(read.foreign == foreign)
    }

    @Test(arguments: ["", "00", "0002", "02", "7f00", "0104", "8101000000", "8002ff"])
    func `bytes that are not a message are rejected`(hex: String) throws {
        let bytes = stride(from: 0, to: hex.count, by: 2).map { index in
            UInt8(hex.dropFirst(index).prefix(2), radix: 16) ?? 0
        }
        #expect(throws: SerdeError.self) { try decode(bytes, Subscription.serde(primaryKey: String.serde)) }
    }

    @Test(arguments: [[], [0, 0, 0], [0, 0, 0, 2, 0x61], [0xff, 0xff, 0xff, 0xff, 0x61]] as [[UInt8]])
    func `bytes that are not a combined key are rejected`(bytes: [UInt8]) throws {
        let serde = CombinedKey.serde(foreignKey: String.serde, primaryKey: String.serde)
        #expect(throws: SerdeError.self) { try decode(bytes, serde) }
    }

    private func decode<Value>(_ bytes: [UInt8], _ serde: Serde<Value>) throws -> Value {
        try bytes.withUnsafeBytes { try serde.decode($0.bytes) }
    }

    // MARK: On a cluster

    static let orders = Topic<String, String>("orders")
    static let customers = Topic<String, String>("customers")
    static let joined = Topic<String, String>("joined")

    private func topology(
        _ partitioners: TablePartitioners<String, String> = TablePartitioners()
    ) throws -> Topology {
        try Topology { streams in
            streams.table(Self.orders)
                .join(
                    streams.table(Self.customers), on: { order in order.split(separator: "|").first.map(String.init) },
                    partitioners: partitioners
                ) {
                    order, customer in "\(order) by \(customer)"
                }
                .toStream().to(Self.joined)
        }
    }

    @Test func `the registration topic is partitioned like the right table, the response topic like the left`() throws {
        let topology = try topology()
        let names = InternalTopicNames(applicationID: "app", topology: topology)
        let existing = ["orders": 3, "customers": 5, "joined": 1].reduce(into: [:]) {
            $0[$1.key] = TopicDescription(name: $1.key, partitionCount: Int32($1.value), configuration: [:])
        }
        let plan = try TopicPlan(topology, names: names, existing: existing, newTopicPartitions: nil)
        #expect(plan.partitionCounts["app-orders-customers-subscription-registration-topic"] == 5)
        #expect(plan.partitionCounts["app-orders-customers-subscription-response-topic"] == 3)
        #expect(plan.partitionCounts["app-orders-customers-subscription-store-changelog"] == 5)
        #expect(plan.tasks.count == 8)
    }

    @Test func `rows are joined across partitions, and responses return to the row's partition`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["orders": 3, "customers": 5, "joined": 1])
        for number in 0..<12 {
            // In partitions other than those of their keys: only the message says where the row is.
            try fixture.write("orders", "o\(number)", "c\(number % 4)|\(number)", at: 1, partition: Int32(number % 3))
        }
        let thread = try fixture.thread(try topology())
        var now: Int64 = 0
        func runThroughAllTopics() throws {
            for _ in 0..<4 {
                now += 1_000  // One commit each time, so that the next sub-topology can read what was sent.
                try thread.runUntilIdle(now: now)
            }
        }
        try runThroughAllTopics()
        for number in 0..<4 {
            let key = Array("c\(number)".utf8)
            let partition = key.withUnsafeBytes { murmur2($0) & 0x7fff_ffff } % 5
            try fixture.write("customers", "c\(number)", "C\(number)", at: 2, partition: partition)
        }
        try runThroughAllTopics()
        try thread.stop(now: Timestamp(ms: now))
        let found = try fixture.read(Self.joined).map { "\($0.key)=\($0.value)" }
        #expect(found.sorted() == (0..<12).map { "o\($0)=c\($0 % 4)|\($0) by C\($0 % 4)" }.sorted())
    }

    /// Each update is processed before the responses to the previous one, which are dropped as stale. A row without a
    /// customer begins with a bar.
    @Test(
        arguments: [
            ([nil, "c2|2"], nil), (["|2", "c2|3"], nil), (["|2", nil], nil), (["c2|2", "|3", "c2|4"], nil),
            ([nil, "c1|2"], "c1|2 by C1"), (["|2", "c1|3"], "c1|3 by C1"), ([nil, "c2|2", "c1|3"], "c1|3 by C1"),
        ] as [([String?], String?)])
    func `a result is deleted when its row refers to no existing row`(quickly: [String?], last: String?) throws {
        let fixture = try ClusterFixture()
        try fixture.create(["orders": 1, "customers": 1, "joined": 1])
        let topology = try Topology { streams in
            streams.table(Topic<String, String>("orders"))
                .join(
                    streams.table(Topic<String, String>("customers")),
                    on: { $0.first == "|" ? nil : String($0.prefix(2)) }
                ) { "\($0) by \($1)" }
                .toStream().to(Topic<String, String?>("joined"))
        }
        let thread = try fixture.thread(topology)
        var now: Int64 = 0
        func runThroughAllTopics() throws {
            for _ in 0..<6 {
                now += 1_000
                try thread.runUntilIdle(now: now)
            }
        }
        try fixture.write("customers", "c1", "C1", at: 1)
        try fixture.write("orders", "o", "c1|1", at: 2)
        try runThroughAllTopics()
        for (number, value) in quickly.enumerated() { try fixture.write("orders", "o", value, at: Int64(3 + number)) }
        try runThroughAllTopics()
        try thread.stop(now: Timestamp(ms: now))
        let results = try fixture.read(Topic<String, String?>("joined")).map(\.value)
        #expect(results.first == "c1|1 by C1")
        #expect(results.last == .some(last))
    }

    /// Customers are in the partitions of their numbers, and orders in the first one: only the right partitioner finds
    /// them.
    @Test(
        arguments: [
            (right: true, left: nil, results: 4), (right: true, left: 0, results: 4),
            (right: true, left: 1, results: 0), (right: false, left: nil, results: 0),
        ] as [(right: Bool, left: Int32?, results: Int)])
    func `custom partitioners determine the partitions of the rows`(right: Bool, left: Int32?, results: Int) throws {
        let fixture = try ClusterFixture()
        try fixture.create(["orders": 3, "customers": 5, "joined": 1])
        let byNumber: StreamPartitioner<String, Void> = { _, key, _, count in
            [Partition((Int32(key.dropFirst()) ?? 0) % count)]
        }
        let thread = try fixture.thread(
            try topology(
                TablePartitioners(
                    left: left.map { left in { _, _, _, _ in [Partition(left)] } }, right: right ? byNumber : nil)))
        let numbers = (0..<20).filter { number in
            Array("c\(number)".utf8).withUnsafeBytes { murmur2($0) & 0x7fff_ffff } % 5 != number % 5
        }
        for number in numbers.prefix(4) {
            try fixture.write("customers", "c\(number)", "C", at: 1, partition: Int32(number % 5))
            try fixture.write("orders", "o\(number)", "c\(number)|", at: 2)
        }
        for round in 1...5 { try thread.runUntilIdle(now: Int64(round) * 1_000) }
        try thread.stop(now: Timestamp(ms: 6_000))
        #expect(try fixture.read(Self.joined).count == results)
    }

    @Test func `a row of the result is looked up when another operator reads it`() throws {
        let topology = try Topology { streams in
            let result = streams.table(Self.orders)
                .leftJoin(streams.table(Self.customers), on: { order in String(order.prefix(2)) }) { order, customer in
                    "\(order) by \(customer ?? "nobody")"
                }
            streams.stream(Topic<String, String>("asked")).join(result) { question, row in "\(question) \(row)" }
                .to(Self.joined)
        }
        let driver = try TopologyTestDriver(topology)
        try driver.pipe(Self.orders, key: "o", value: "c1|5", at: Timestamp(ms: 1))
        try driver.pipe(Topic<String, String>("asked"), key: "o", value: "who?", at: Timestamp(ms: 2))
        try driver.pipe(Self.customers, key: "c1", value: "Ann", at: Timestamp(ms: 3))
        try driver.pipe(Topic<String, String>("asked"), key: "o", value: "who?", at: Timestamp(ms: 4))
        let values = try driver.read(from: Self.joined).map(\.value)
        #expect(values == ["who? c1|5 by nobody", "who? c1|5 by Ann"])
    }
}

extension [UInt8] {
    fileprivate var hex: String { map { String(0x100 + Int($0), radix: 16).dropFirst() }.joined() }
}
