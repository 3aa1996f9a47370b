import InMemoryTracing
import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauTesting
import MoldauTracing
import Testing
import Tracing

private let lines = Topic<String, String>("lines")
private let customers = Topic<String, String>("customers")
private let out = Topic<String, String>("out")
private let counted = Topic<String, Int64>("counted")

/// The context that an external producer gave a record; `number` is that of its trace and of its span.
func incoming(_ number: Int) -> Headers {
    [Header("traceparent", "00-\(trace(number))-\(span(number))-01"), Header("other", "kept")]
}
func trace(_ number: Int) -> String { "\(number)".padded(to: 32, with: "a") }
func span(_ number: Int) -> String { "\(number)".padded(to: 16, with: "b") }

extension String {
    fileprivate func padded(to count: Int, with digit: Character) -> String {
        String(repeating: digit, count: count - self.count) + self
    }
}

/// The `traceparent` of records that were sent in that span.
func traceparent(of span: FinishedInMemorySpan) -> [UInt8] {
    Array("00-\(span.traceID)-\(span.spanID)-01".utf8)
}

struct RecordSpansTests {
    private let tracer = TraceparentTracer()

    private func driver(
        newTraces: NewTraces = .none, linkedRows: Int = 100,
        draining: TopologyTestDriver.AsyncDraining = .afterEachRecord,
        _ change: (inout StreamsConfiguration) -> Void = { _ in }, _ build: (StreamsBuilder) -> Void
    ) throws -> TopologyTestDriver {
        var configuration = StreamsConfiguration()
        configuration.traceRecords(by: tracer, newTraces: newTraces, linkedRows: linkedRows)
        change(&configuration)
        return try TopologyTestDriver(
            try Topology { build($0) }, applicationID: "app", configuration: configuration, state: .memory,
            draining: draining)
    }

    @Test func `a record's span continues its trace, and its results carry the span's context`() throws {
        let driver = try driver { $0.stream(lines).mapValues { $0.uppercased() }.to(out) }
        try driver.pipe(lines, key: "k", value: "v", headers: incoming(1))
        let found = try #require(tracer.finished.first)
        #expect(tracer.finished.count == 1 && tracer.activeCount == 0)
        #expect(found.operationName == "process lines" && found.kind == .consumer)
        #expect(found.traceID == trace(1) && found.parentSpanID == span(1))
        #expect(found.attributes.get("messaging.system") == "kafka")
        #expect(found.attributes.get("messaging.operation.type") == "process")
        #expect(found.attributes.get("messaging.destination.name") == "lines")
        #expect(found.attributes.get("messaging.destination.partition.id") == "0")
        #expect(found.attributes.get("messaging.kafka.offset") == .int64(0))
        #expect(found.attributes.get("messaging.consumer.group.name") == "app")
        #expect(found.attributes.get("moldau.task") == "0_0")
        #expect(found.status == nil && found.events.isEmpty && found.links.isEmpty)
        let sent = try #require(try driver.read(from: out).first)
        #expect(sent.headers == [Header("other", "kept"), Header("traceparent", traceparent(of: found))])
    }

    @Test func `records without a context have no span, and their headers are unchanged`() throws {
        let driver = try driver { $0.stream(lines).to(out) }
        try driver.pipe(lines, key: "k", value: "1")
        try driver.pipe(lines, key: "k", value: "2", headers: [Header("other", "x")])
        #expect(tracer.finished.isEmpty)
        #expect(try driver.read(from: out).map(\.headers) == [[], [Header("other", "x")]])
    }

    @Test(arguments: [
        Header("traceparent", "00-xyz"), Header("traceparent", ""), Header("traceparent", nil),
        Header("traceparent", [0xff, 0x00, 0xfe]), Header("traceparent", [UInt8](repeating: 0x2d, count: 100_000)),
    ])
    func `an invalid context starts no span, and the record is processed unchanged`(header: Header) throws {
        let driver = try driver { $0.stream(lines).to(out) }
        try driver.pipe(lines, key: "k", value: "v", headers: [header])
        #expect(tracer.finished.isEmpty)
        #expect(try driver.read(from: out).map(\.headers) == [[header]])
    }

    @Test func `new traces start for all records without a context, or for one in N`() throws {
        let all = try driver(newTraces: .all) { $0.stream(lines).to(out) }
        for number in 0..<3 { try all.pipe(lines, key: "k", value: "\(number)") }
        try all.pipe(lines, key: "k", value: "3", headers: incoming(1))
        #expect(tracer.finished.map { $0.parentSpanID } == [nil, nil, nil, span(1)])
        #expect(Set(tracer.finished.map(\.traceID)).count == 4)
        #expect(try all.read(from: out).map { $0.headers["traceparent"] } == tracer.finished.map(traceparent))

        let some = try driver(newTraces: .oneIn(3)) { $0.stream(customers).to(out) }
        for number in 0..<10 { try some.pipe(customers, key: "k", value: "\(number)") }
        #expect(
            tracer.finished("process customers").map { $0.attributes.get("messaging.kafka.offset") }
                == [2, 5, 8].map { .int64($0) })
    }

    @Test func `a trace continues through a repartition topic and an aggregation`() throws {
        let driver = try driver {
            $0.stream(lines).groupBy { _, line in line }.count().toStream().to(counted)
        }
        try driver.pipe(lines, key: "k", value: "word", headers: incoming(1))
        #expect(tracer.finished.count == 2)
        let (first, second) = (tracer.finished[0], tracer.finished[1])
        #expect(first.operationName == "process lines" && first.parentSpanID == span(1))
        #expect(second.operationName.hasSuffix("-repartition") && second.parentSpanID == first.spanID)
        #expect(first.traceID == trace(1) && second.traceID == trace(1))
        #expect(try driver.read(from: counted).map { $0.headers["traceparent"] } == [traceparent(of: second)])
    }

    @Test func `a join with a table links to the record that wrote the row`() throws {
        let driver = try driver { streams in
            let table = streams.table(customers)
            streams.stream(lines).join(table) { line, city in "\(line) \(city)" }.to(out)
        }
        try driver.pipe(customers, key: "k", value: "Prague", headers: incoming(1))
        try driver.pipe(lines, key: "k", value: "a", headers: incoming(2))
        let writer = try #require(tracer.finished("process customers").first)
        let joined = try #require(tracer.finished("process lines").first)
        #expect(joined.traceID == trace(2) && joined.parentSpanID == span(2))
        #expect(joined.links.map { $0.context.inMemorySpanContext?.spanID } == [writer.spanID])
        #expect(joined.links.map { $0.context.inMemorySpanContext?.traceID } == [trace(1)])
        #expect(try driver.read(from: out).map { $0.headers["traceparent"] } == [traceparent(of: joined)])

        // A row that is overwritten by a record without a span has no known writer.
        try driver.pipe(customers, key: "k", value: "Berlin")
        try driver.pipe(lines, key: "k", value: "b", headers: incoming(3))
        #expect(tracer.finished("process lines").last?.links.isEmpty == true)
    }

    @Test func `only the newest rows' writers are remembered`() throws {
        let driver = try driver(linkedRows: 4) { streams in
            let table = streams.table(customers)
            streams.stream(lines).join(table) { line, city in "\(line) \(city)" }.to(out)
        }
        for number in 0..<100 { try driver.pipe(customers, key: "\(number)", value: "c", headers: incoming(1)) }
        for key in ["0", "95", "99"] { try driver.pipe(lines, key: key, value: "v", headers: incoming(2)) }
        #expect(tracer.finished("process lines").map(\.links.count) == [0, 0, 1])
    }

    @Test func `an update of a row links to the previous one`() throws {
        let driver = try driver { $0.stream(lines).groupByKey().count().toStream().to(counted) }
        for number in 1...3 { try driver.pipe(lines, key: "k", value: "v", headers: incoming(number)) }
        let spans = tracer.finished
        #expect(
            spans.map { $0.links.map { $0.context.inMemorySpanContext?.spanID } } == [
                [], [spans[0].spanID], [spans[1].spanID],
            ])
    }

    @Test func `the results of a foreign-key join continue the trace of their cause`() throws {
        let driver = try driver { streams in
            let orders = streams.table(lines)
            orders.join(streams.table(customers), on: { $0 }) { order, city in "\(order) \(city)" }.toStream().to(out)
        }
        try driver.pipe(lines, key: "o1", value: "ada", headers: incoming(1))
        try driver.pipe(customers, key: "ada", value: "Prague", headers: incoming(2))
        let result = try #require(try driver.read(from: out).last)
        let last = try #require(tracer.finished.last)
        #expect(result.value == "ada Prague" && result.headers["traceparent"] == traceparent(of: last))
        // The response's span: in the trace of the customer, with a link to the order that it was joined with.
        #expect(last.operationName.hasSuffix("subscription-response-topic"))
        #expect(last.traceID == trace(2) && last.parentSpanID == tracer.finished("process customers").first?.spanID)
        let order = try #require(tracer.finished("process lines").first)
        #expect(last.links.map { $0.context.inMemorySpanContext?.spanID } == [order.spanID])
    }

    @Test func `changes that are buffered until the commit carry the context of the last update`() throws {
        let driver = try driver { streams in
            streams.stream(lines).groupByKey()
                .count(as: Materialized(emission: .lastPerCommit())).toStream().to(counted)
        }
        for number in 1...2 { try driver.pipe(lines, key: "k", value: "v", headers: incoming(number)) }
        let spans = tracer.finished
        #expect(try driver.read(from: counted).map { $0.headers["traceparent"] } == spans.map(traceparent))
    }

    @Test func `the span of a dropped record has the reason`() throws {
        let driver = try driver { streams in
            let table = streams.table(customers)
            streams.stream(lines).join(table) { line, city in "\(line) \(city)" }.to(out)
        }
        try driver.pipe(lines, key: "nobody", value: "v", headers: incoming(1))
        try driver.pipe(customers, key: nil, value: "Prague", headers: incoming(2))
        let reasons = tracer.finished.map { $0.events.map { $0.attributes.get("moldau.drop.reason") } }
        #expect(reasons == [["noMatch"], ["nullKey"]])
        #expect(tracer.finished.allSatisfy { $0.events.map(\.name) == ["record dropped"] && $0.status == nil })
    }

    private struct Refused: Error {}

    @Test(arguments: [true, false])
    func `a record that cannot be processed has a span with the error`(isSkipped: Bool) throws {
        let driver = try driver {
            $0.onProcessingFailure = { _ in isSkipped ? .skip : .fail }
        } _: { streams in
            streams.stream(lines).mapValues { _ -> String in throw Refused() }.to(out)
        }
        if isSkipped {
            try driver.pipe(lines, key: "k", value: "v", headers: incoming(1))
        } else {
            #expect(throws: ProcessingFailure.self) {
                try driver.pipe(lines, key: "k", value: "v", headers: incoming(1))
            }
        }
        let found = try #require(tracer.finished.first)
        #expect(found.status?.code == .error && found.errors.count == 1 && tracer.activeCount == 0)
        #expect(found.events.map { $0.attributes.get("moldau.drop.reason") } == (isSkipped ? ["processing"] : []))
    }

    @Test func `a record that cannot be decoded has a span with the error`() throws {
        let driver = try driver {
            $0.onDeserializationFailure = { _ in .skip }
        } _: { streams in
            streams.stream(counted).to(Topic<String, Int64>("other"))
        }
        try driver.pipe(topic: "counted", key: [0x6b], value: [1, 2], headers: incoming(1))
        #expect(tracer.finished.map { $0.status?.code } == [.error])
        #expect(tracer.finished.first?.parentSpanID == span(1))
    }

    @Test func `a span lasts until its asynchronous results are complete, and is the closure's parent`() throws {
        let tracer = tracer
        let (gate, opening) = AsyncStream<Void>.makeStream()
        let driver = try driver(draining: .whenAsked) { streams in
            streams.stream(lines).mapValuesAsync { line in
                tracer.startSpan("look up").end()
                for await _ in gate {}
                return line.uppercased()
            }.peek { _, _ in tracer.startSpan("look at").end() }.to(out)
        }
        try driver.pipe(lines, key: "k", value: "v", headers: incoming(1))
        // The closure's own span may be active at this moment too.
        #expect(tracer.finished("process lines").isEmpty && tracer.activeCount >= 1)
        opening.finish()
        try driver.drainAsync()
        let found = try #require(tracer.finished("process lines").first)
        #expect(tracer.activeCount == 0)
        for name in ["look up", "look at"] {
            #expect(tracer.finished(name).map(\.parentSpanID) == [found.spanID])
        }
        #expect(try driver.read(from: out).map { $0.headers["traceparent"] } == [traceparent(of: found)])
    }

    private final class Anew: Processor {
        private var context: ProcessorContext<String, String>?
        func start(_ context: ProcessorContext<String, String>) { self.context = context }
        func process(_ record: Record<String, String>) throws {
            try context?.forward(Record(key: record.key, value: record.value, timestamp: record.timestamp))
        }
    }

    @Test func `records that a processor creates without headers carry the context too`() throws {
        let driver = try driver { $0.stream(lines).process { Anew() }.to(out) }
        try driver.pipe(lines, key: "k", value: "v", headers: incoming(1))
        let found = try #require(tracer.finished.first)
        #expect(try driver.read(from: out).map(\.headers) == [[Header("traceparent", traceparent(of: found))]])
    }
}
