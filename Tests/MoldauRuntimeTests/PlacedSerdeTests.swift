import Moldau
import MoldauRecords
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

/// Serdes that use the topic, and serdes that use headers.
struct PlacedSerdeTests {
    /// Encodes topic and part before the text, and refuses to decode what was encoded for another one.
    private let placed = Serde<String>.perTopic { topic, part in
        let place = "\(topic) \(part)|"
        return Serde(
            encode: { text, writer in writer.append(utf8: place + text) },
            decode: { bytes in
                let text = try String.serde.decode(bytes)
                guard text.hasPrefix(place) else { throw SerdeError.malformed(type: place, reason: text) }
                return String(text.dropFirst(place.count))
            })
    }

    private func topic(_ name: String) -> Topic<String, String> { Topic(name, key: placed, value: placed) }

    private func texts(_ records: [RawRecord]) -> [String] {
        records.map { record in
            let (key, value) = (record.key ?? [], record.value ?? [])
            return String(decoding: key, as: UTF8.self) + " = " + String(decoding: value, as: UTF8.self)
        }
    }

    @Test func `serdes of a source, repartition topic, changelog and sink get the topic's name`() throws {
        let (input, out) = (topic("input"), topic("out"))
        let topology = try Topology { streams in
            streams.stream([topic("other"), input]).groupBy(key: placed, value: placed, named: "by-value") { _, value in
                value
            }
            .reduce(as: TableStoreName("last", key: placed, value: placed)) { $0 + $1 }.toStream().to(out)
        }
        let driver = try TopologyTestDriver(topology)
        try driver.pipe(input, key: "k", value: "v")
        try driver.pipe(topic("other"), key: "k", value: "v")
        #expect(
            texts(driver.readBytes(from: "by-value-repartition")).last
                == "test-by-value-repartition key|v = test-by-value-repartition value|v")
        #expect(
            texts(driver.readBytes(from: "test-last-changelog")).last
                == "test-last-changelog key|v = test-last-changelog value|vv")
        #expect(
            try driver.store(TableStoreName("last", key: placed, value: placed)).get("v")?.value == "vv")
        #expect(texts(driver.readBytes(from: "out")).last == "out key|v = out value|vv")
    }

    @Test func `a sink that chooses topics encodes each record for its topic`() throws {
        let input = Topic<String, String>("input")
        let topology = try Topology { streams in
            streams.stream(input).to(key: placed, value: placed) { record, _ in record.value }
        }
        let driver = try TopologyTestDriver(topology)
        for name in ["x", "y", "x"] { try driver.pipe(input, key: "k", value: name) }
        #expect(texts(driver.readBytes(from: "x")) == ["x key|k = x value|x", "x key|k = x value|x"])
        #expect(texts(driver.readBytes(from: "y")) == ["y key|k = y value|y"])
    }

    /// All of these encode for one topic and decode for another if one of their parts does not pass the topic on.
    @Test(arguments: [StoreKinds.inMemory, .rocksDB])
    func `tables, windows, joins and suppressions pass the topic to their serdes`(stores: StoreKinds) throws {
        let (left, right, out) = (topic("left"), topic("right"), topic("out"))
        let windows = JoinWindows(difference: .milliseconds(5), grace: .zero)
        let topology = try Topology(TopologyOptions(emission: .lastPerCommit(), storeKinds: stores)) { streams in
            let (lefts, rights) = (streams.stream(left), streams.stream(right))
            lefts.outerJoin(
                rights, within: windows, key: placed, value: placed, otherValue: placed, named: "pairs",
                storesNamed: "pairs"
            ) { "\($0) \($1 ?? "-") \($2 ?? "-")" }.to(out)
            let rows = lefts.toTable(
                key: placed, value: placed, as: TableStoreName("rows", key: placed, value: placed))
            let others = rights.toTable(
                key: placed, value: placed,
                as: VersionedStoreName("others", key: placed, value: placed, historyRetention: .milliseconds(10)))
            rows.leftJoin(others, on: { _, row in row }, value: placed, otherValue: placed, result: placed) {
                row, other in "foreign \(row) \(other ?? "-")"
            }.toStream().to(out)
            rows.groupBy(key: placed, value: placed) { ($1, $0) }.reduce(
                adding: { $0 + $1 }, subtracting: { sum, _ in sum }
            )
            .toStream().to(out)
            lefts.leftJoin(others, value: placed, grace: .milliseconds(2)) {
                "waited \($1) \($2 ?? "-")"
            }.to(out)
            let counts = lefts.groupByKey(key: placed, value: placed)
                .windowedBy(.tumbling(.milliseconds(10), grace: .zero))
                .reduce(as: WindowStoreName("windows", key: placed, value: placed)) { $0 + $1 }
                .suppress(.untilWindowCloses(), value: placed)
            counts.toStream().map { ($0.key, $1 ?? "-") }.to(out)
            lefts.groupByKey(key: placed, value: placed).windowedBy(.sessions(gap: .milliseconds(3), grace: .zero))
                .reduce(as: SessionStoreName("sessions", key: placed, value: placed)) { $0 + $1 }.toStream()
                .to(Topic("sessions", key: Windowed.sessionSerde(of: placed), value: placed.optional))
        }
        let driver = try TopologyTestDriver(topology)
        for (time, text) in [(1, "a"), (2, "b"), (40, "a"), (80, "b")] as [(Int64, String)] {
            try driver.pipe(left, key: text, value: text, at: Timestamp(ms: time))
            try driver.pipe(right, key: text, value: text.uppercased(), at: Timestamp(ms: time + 10))
        }
        let found = Set(try driver.read(from: out).map { $0.value ?? "" })
        #expect(found.isSuperset(of: ["a a -", "a - A", "foreign a A", "waited a A", "aa"]), "\(found.sorted())")
        #expect(
            try !driver.read(from: Topic("sessions", key: Windowed.sessionSerde(of: placed), value: placed)).isEmpty)
    }

    @Test func `a serde made per topic throws an error without a topic`() {
        #expect(throws: SerdeError.topicNeeded(type: "String")) { try placed.bytes(of: "x") }
        #expect(throws: SerdeError.topicNeeded(type: "String")) { try placed.value(of: [1]) }
    }

    // MARK: Headers

    /// Encodes the text into a header and reads it from there; without the header it returns "lost".
    private let headed = Serde<String>(
        encode: { text, writer, headers in
            headers.append(Header("text", text))
            writer.append(byte: 1)
        },
        decode: { _, headers in
            headers.last { $0.name == "text" }?.value.map { String(decoding: $0, as: UTF8.self) } ?? "lost"
        })

    @Test func `headers are read at sources, written at sinks and kept in repartition topics`() throws {
        let input = Topic("input", key: String.serde, value: headed)
        let out = Topic("out", key: String.serde, value: headed)
        let topology = try Topology { streams in
            streams.stream(input).selectKey { _, value in value }
                .repartition(key: String.serde, value: headed, named: "again").mapValues { $0 + "!" }.to(out)
        }
        let driver = try TopologyTestDriver(topology)
        try driver.pipe(input, key: "k", value: "v", headers: [Header("own", "1")])
        #expect(driver.readBytes(from: "again-repartition").first?.headers.map(\.name) == ["own", "text", "text"])
        let record = try #require(driver.readBytes(from: "out").first)
        #expect(record.value == [1])
        #expect(record.headers.map(\.name) == ["own", "text", "text", "text"])
        #expect(record.headers["text"] == Array("v!".utf8))
    }

    @Test func `a nested serde gets the headers too, in topics but not in stores`() throws {
        let input = Topic("input", key: String.serde, value: Serde.list(of: headed))
        let out = Topic("out", key: String.serde, value: Serde.list(of: headed).optional)
        let topology = try Topology { streams in
            let store = TableStoreName("rows", key: String.serde, value: Serde.list(of: headed))
            let rows = streams.stream(input).toTable(key: String.serde, value: Serde.list(of: headed), as: store)
            rows.toStream().to(out)
            streams.stream(Topic<String, String>("asks")).join(rows) { $1.joined() }.to(
                Topic<String, String>("answers"))
        }
        let driver = try TopologyTestDriver(topology)
        try driver.pipe(input, key: "k", value: ["v"])
        #expect(try driver.read(from: out).first?.value == ["v"])
        try driver.pipe(Topic<String, String>("asks"), key: "k", value: "?")
        #expect(try driver.read(from: Topic<String, String>("answers")).first?.value == "lost")
    }
}
