import Foundation
import InMemoryTracing
import Moldau
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import MoldauTracing
import Synchronization
import Testing
import Tracing

/// Spans of an application with two threads, one of which fails within a transaction and is replaced.
struct ThreadedSpansTests {
    private static let lines = Topic<String, String>("lines")
    private static let out = Topic<String, String>("out")
    private static let countPerPartition = 40
    private struct Failure: Error {}

    /// Each record of `lines` has its own trace, by its value: 1 to 40 in one partition, 101 to 140 in the other.
    private func feed(_ cluster: EmbeddedCluster) throws {
        let producer = try cluster.makeProducer(clientID: "feeder")
        for partition in 0..<2 as Range<Int32> {
            for number in 1...Self.countPerPartition {
                let number = Int(partition) * 100 + number
                var builder = RecordBatchBuilder()
                Array("\(number)".utf8).withUnsafeBytes {
                    builder.append(key: $0, value: $0, timestamp: Timestamp(ms: 0), headers: incoming(number))
                }
                try producer.send(builder.finish(), to: TopicPartition("lines", partition))
            }
        }
        try producer.flush()
        producer.close()
    }

    /// The committed records of `out`: what each carries as its context, by its value.
    private func output(_ cluster: EmbeddedCluster) throws -> [Int: [UInt8]?] {
        let consumer = try cluster.makeConsumer(clientID: "reader")
        let places = (0..<2 as Range<Int32>).map { TopicPartition("out", $0) }
        try consumer.assign(Set(places))
        for place in places { try consumer.seek(place, to: .zero) }
        var found: [Int: [UInt8]?] = [:]
        while case let fetched = try consumer.poll(wait: .zero), !fetched.isEmpty {
            for batches in fetched {
                var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
                while let record = try reader.next() {
                    let value = try #require(Int(try String.serde.read(record.value)))
                    #expect(found[value] == nil, "\(value) was found twice")
                    found[value] = .some(try record.headers()["traceparent"])
                }
            }
        }
        return found
    }

    @Test func `records that are read again after an abort have new spans, which committed results carry`() throws {
        let tracer = TraceparentTracer()
        let cluster = try EmbeddedCluster(inMemoryWithClock: { Timestamp(ms: 0) })
        try cluster.makeAdmin().create(
            ["lines", "out"].map { NewTopic($0, partitionCount: 2) })
        try feed(cluster)
        let hasFailed = Mutex(false)
        let topology = try Topology { streams in
            streams.stream(Self.lines).mapValues { value in
                if value == "20",
                    hasFailed.withLock({
                        let before = $0; $0 = true; return !before
                    })
                {
                    throw Failure()
                }
                return value
            }.to(Self.out)
        }
        var configuration = StreamsConfiguration()
        (configuration.guarantee, configuration.streamThreads) = (.exactlyOnce, 2)
        configuration.onUncaughtError = { _ in .replaceThread }
        configuration.traceRecords(by: tracer)
        let app = StreamsApplication(
            id: "app", topology: topology, cluster: .cluster(cluster, stateDirectory: nil),
            configuration: configuration)
        try app.start()
        let limit = ContinuousClock.now + .seconds(60)
        var sent: [Int: [UInt8]?] = [:]
        while sent.count < 2 * Self.countPerPartition, ContinuousClock.now < limit {
            Thread.sleep(forTimeInterval: 0.01)
            sent = try output(cluster)
        }
        try app.stop()

        #expect(sent.count == 2 * Self.countPerPartition && tracer.activeCount == 0)
        let spans = Dictionary(grouping: tracer.finished, by: \.traceID)
        for (number, context) in sent {
            let ofRecord = spans[trace(number)] ?? []
            let named = ofRecord.filter { context == traceparent(of: $0) }
            #expect(named.count == 1 && named.first?.status == nil && named.first?.parentSpanID == span(number))
            // Records after the failed one were not processed before it.
            if (21...Self.countPerPartition).contains(number) { #expect(ofRecord.count == 1) }
        }
        let failed = spans[trace(20)] ?? []
        #expect(failed.map { $0.status?.code == .error } == [true, false])
    }
}
