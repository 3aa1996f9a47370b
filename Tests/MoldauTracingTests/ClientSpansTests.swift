import InMemoryTracing
import MoldauClient
import MoldauClientEmbedded
import MoldauClientTracing
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import Testing
import Tracing

private let orders = Topic<String, String>("orders")

struct ClientSpansTests {
    private let tracer = TraceparentTracer()

    private struct Refused: Error {}

    private func consumed(_ headers: Headers = []) async throws -> ConsumerRecord<String, String> {
        let cluster = try EmbeddedCluster(inMemoryWithClock: { Timestamp(ms: 0) })
        try await cluster.withAdmin { try $0.create([NewTopic("orders", partitionCount: 1)]) }
        let producer = try MoldauClient.Producer(
            to: orders, cluster: .embedded(cluster),
            interceptors: [TracingProducerInterceptor<String, String>(tracer: tracer)])
        let outer = tracer.startSpan("outer", context: .topLevel)
        try await ServiceContext.withValue(outer.context) {
            _ = try await producer.send("k", "v", headers: headers)
        }
        outer.end()
        await producer.close()
        var options = MoldauClient.ConsumerOptions()
        options.offsetReset = .earliest
        let consumer = try MoldauClient.Consumer(
            [orders], assigned: [TopicPartition("orders", 0)], cluster: .embedded(cluster), options: options)
        var found: ConsumerRecord<String, String>?
        while found == nil { found = try await consumer.poll(within: .seconds(10)).first }
        await consumer.close()
        return try #require(found)
    }

    @Test func `a record carries the context of its producer's span, and its consumer continues the trace`()
        async throws
    {
        let record = try await consumed([Header("traceparent", "what it had before"), Header("other", "kept")])
        let created = try #require(tracer.finished("create orders").first)
        let outer = try #require(tracer.finished("outer").first)
        #expect(created.kind == .producer && created.parentSpanID == outer.spanID)
        #expect(created.attributes.get("messaging.destination.name") == "orders")
        #expect(record.headers.map(\.name) == ["other", "traceparent"])
        #expect(record.headers["traceparent"] == Array("00-\(outer.traceID)-\(created.spanID)-01".utf8))

        let tracer = tracer
        try await record.withSpan(group: "g", by: tracer) { _ in tracer.startSpan("inner").end() }
        let processed = try #require(tracer.finished("process orders").first)
        #expect(processed.kind == .consumer && processed.parentSpanID == created.spanID)
        #expect(processed.attributes.get("messaging.consumer.group.name") == "g" && processed.status == nil)
        #expect(tracer.finished("inner").map(\.parentSpanID) == [processed.spanID])
    }

    @Test func `an error that the closure throws is recorded in the span`() async throws {
        let record = try await consumed()
        await #expect(throws: Refused.self) { try await record.withSpan(by: tracer) { _ in throw Refused() } }
        let span = try #require(tracer.finished("process orders").first)
        #expect(span.status?.code == .error && span.errors.first?.error is Refused)
    }
}
