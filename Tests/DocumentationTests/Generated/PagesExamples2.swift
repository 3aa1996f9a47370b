// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClientEmbedded
import MoldauMetrics
import MoldauServer
import MoldauServiceLifecycle
import MoldauSettings
import MoldauTesting
import MoldauTracing
import Testing

struct PagesExamples2 {
    @Test func `Docs/Serdes.md (5)`() throws {
        try Example.run(
            """
            lines: 1=to be
            read: 1=to be by 7
            """
        ) { example in
            let streams = example.streams
            let lines = example.lines
            let marked = Serde<String>(
                encode: { text, writer, headers in
                    if headers["schema"] == nil { headers.append(Header("schema", "7")) }
                    writer.append(utf8: text)
                },
                decode: { bytes, headers in
                    "\(try String.serde.decode(bytes)) by \(String(decoding: headers["schema"] ?? [], as: UTF8.self))"
                })

            lines.to(Topic("marked", key: String.serde, value: marked))
            let read = streams.stream(Topic("marked", key: String.serde, value: marked)).mapValues { $0 }
            example.show("read", read)
        }
    }

    @Test func `Docs/Stores.md`() throws {
        let prices = Topic<String, Int>("prices")
        let sales = Topic<String, Int>("sales")
        let bills = Topic<String, Int>("bills")
        let priceHistory = VersionedStoreName<String, Int>("price-history", historyRetention: .seconds(86_400))
        let perMinute = WindowStoreName<String, Int64>("sales-per-minute")
        let latest = LRUTableStoreName<String, Int>("latest-sales", maxEntries: 1_000)

        let topology = try Topology { streams in
            let table = streams.table(prices, as: Materialized(priceHistory, kind: .inMemory))
            let sold = streams.stream(sales)
            sold.join(table) { count, price in count * price }.to(bills)
            // Windows of one minute that can be read for an hour.
            _ = sold.groupByKey()
                .windowedBy(.tumbling(.seconds(60), grace: .seconds(5)))
                .count(as: Materialized(perMinute, retention: .seconds(3_600)))
            _ = sold.groupByKey().reduce(as: latest) { _, newest in newest }
        }

        let driver = try TopologyTestDriver(topology)
        try driver.pipe(prices, key: "tea", value: 3, at: Timestamp(ms: 0))
        try driver.pipe(prices, key: "tea", value: 4, at: Timestamp(ms: 30_000))
        try driver.pipe(sales, key: "tea", value: 10, at: Timestamp(ms: 20_000))
        #expect(try driver.read(from: bills).map(\.value) == [30])
        #expect(try driver.store(priceHistory).get("tea")?.value == 4)
        #expect(try driver.store(perMinute).fetch("tea", at: Timestamp(ms: 0))?.value == 1)
        #expect(try driver.store(latest).get("tea")?.value == 10)
    }

    @Test func `Docs/Testing.md`() throws {
        let visits = Topic<String, String>("visits")
        let perMinute = Topic<String, Int64>("visits-per-minute")
        let topology = try Topology { streams in
            streams.stream(visits).groupByKey()
                .windowedBy(.tumbling(.seconds(60), grace: .seconds(5)), emit: .onWindowClose).count()
                .toStream { window, _ in window.key }
                .to(perMinute)
        }
        let driver = try TopologyTestDriver(topology)
        let input = driver.input(visits, from: Timestamp(ms: 0), step: .seconds(10))
        try input.pipe(pairs: [("ada", "/home"), ("ada", "/shop")])  // at 0 s and at 10 s
        #expect(try driver.read(from: perMinute).isEmpty)
        try input.pipe(key: "bob", value: "/home", at: Timestamp(ms: 66_000))  // The window and its grace are over.
        #expect(try driver.read(from: perMinute).map(\.value) == [2])
    }

    @Test func `Docs/Testing.md (2)`() throws {
        let orders = Topic<String, Int>("orders")
        let topology = try Topology { streams in streams.stream(orders).filter { _, cents in cents > 0 }.to(Topic("good-orders")) }
        var configuration = StreamsConfiguration()
        configuration.onDeserializationFailure = { _ in .deadLetter(topic: "bad-orders") }
        let driver = try TopologyTestDriver(topology, configuration: configuration)
        try driver.pipe(topic: "orders", key: Array("o1".utf8), value: Array("no number".utf8))
        try driver.pipe(orders, key: "o2", value: 120)
        let bad = driver.readBytes(from: "bad-orders")
        #expect(bad.map(\.value) == [Array("no number".utf8)])
        #expect(bad.first?.headers["__streams.errors.topic"] != nil)
    }

    @Test func `Docs/Testing.md (3)`() async throws {
        let orders = Topic<String, Int64>("orders")
        let counts = TableStoreName<String, Int64>("orders-by-customer")
        let topology = try Topology { streams in _ = streams.stream(orders).groupByKey().count(as: counts) }
        let cluster = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
        var configuration = StreamsConfiguration()
        configuration.newTopicPartitions = 1
        let app = StreamsApplication(
            id: "shop", topology: topology, cluster: .cluster(cluster, stateDirectory: nil), configuration: configuration)

        // A writer blocks, so that async code cannot call it directly. In memory it does not block for long.
        func write() throws {
            let writer = try TopicWriter(orders, on: cluster)
            for cents in [120, 30] as [Int64] {
                try writer.write(Record(key: "ada", value: cents, timestamp: EmbeddedCluster.systemClock()))
            }
            try writer.close()
        }

        let running = Task { try await app.run() }
        while app.state == .created || app.state == .rebalancing { try await Task.sleep(for: .milliseconds(10)) }
        try write()
        var reader = try app.store(counts)
        reader.options.atLeast = [TopicPartition("orders", 0): Offset(2)]  // Both records.
        #expect(try await reader.get("ada").value?.value == 2)
        running.cancel()
        try await running.value
    }

    func `Sources/Moldau/Moldau.docc/HelloKafka.md`(_ example: Example) throws {
        let clicks = Topic<String, String>("clicks")  // The key is a customer, the value is a page.
        _ = clicks
    }

    func `Sources/Moldau/Moldau.docc/HelloKafka.md (2)`(_ example: Example) throws {
        func pageVisits() throws -> Topology {
            let clicks = Topic<String, String>("clicks")
            let visits = Topic<String, Int64>("page-visits")
            return try Topology { streams in
                streams.stream(clicks)
                    .groupBy { _, page in page }
                    .count()
                    .toStream()
                    .to(visits)
            }
        }
    }

    @Test func `Sources/Moldau/Moldau.docc/HelloKafka.md (3)`() throws {
        let clicks = Topic<String, String>("clicks")
        let visits = Topic<String, Int64>("page-visits")
        let topology = try Topology { streams in
            streams.stream(clicks).groupBy { _, page in page }.count().toStream().to(visits)
        }
        let driver = try TopologyTestDriver(topology)
        try driver.pipe(clicks, key: "ada", value: "/shoes")
        try driver.pipe(clicks, key: "bob", value: "/shoes")
        try driver.pipe(clicks, key: "ada", value: "/hats")

        let counts = try driver.read(from: visits)
        #expect(counts.map(\.key) == ["/shoes", "/shoes", "/hats"])
        #expect(counts.map(\.value) == [1, 2, 1])
    }

    func `Sources/Moldau/Moldau.docc/HelloKafka.md (4)`(_ example: Example) async throws {
        func countPages() async throws {
            let visits = try Topology { streams in
                streams.stream(Topic<String, String>("clicks"))
                    .groupBy { _, page in page }
                    .count()
                    .toStream()
                    .to(Topic<String, Int64>("page-visits"))
            }
            let app = StreamsApplication(id: "page-visits", topology: visits, cluster: .embedded(at: "data"))
            try await app.run(stoppingAt: [SIGINT, SIGTERM])
        }
    }
}
