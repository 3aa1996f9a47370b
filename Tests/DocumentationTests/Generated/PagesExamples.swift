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

struct PagesExamples {
    func `Docs/Broker.md`(_ example: Example) async throws {
        let topology = example.topology

        let app = StreamsApplication(
            id: "shop", topology: topology, cluster: .embedded(at: "data", listening: .localhost(9092)))
        try await app.run(stoppingAt: [SIGINT, SIGTERM])
        _ = app
    }

    func `Docs/Broker.md (2)`(_ example: Example) async throws {
        func serve() async throws {
            let cluster = try await EmbeddedCluster(directory: "data/topics")
            let server = try BrokerServer(of: cluster, listening: [.localhost(9092)])
            try await server.run()
            try await cluster.close()
        }
    }

    @Test func `Docs/Changing.md`() throws {
        func total(_ driver: TopologyTestDriver) throws -> Int64? {
            try driver.store(TableStoreName<String, Int64>("per-customer")).get("ada")?.value
        }

        let orders = Topic<String, Int64>("orders")
        let perCustomer = TableStoreName<String, Int64>("per-customer")
        let old = try Topology { streams in _ = streams.stream(orders).groupByKey().count(as: perCustomer) }
        let new = try Topology { streams in
            _ = streams.stream(orders).filter { _, cents in cents > 0 }.groupByKey().count(as: perCustomer)
        }
        let state = TestStateLocation.directory(NSTemporaryDirectory() + "/moldau-changing-\(UUID())")
        let before = try TopologyTestDriver(old, state: state)
        try before.pipe(orders, key: "ada", value: 0)
        try before.close()
        let after = try TopologyTestDriver(new, state: state)
        try after.pipe(orders, key: "ada", value: 0)
        #expect(try total(after) == 1)
        try after.pipe(orders, key: "ada", value: 20)
        #expect(try total(after) == 2)
    }

    @Test func `Docs/ComingFromKafkaStreams.md`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@20=/shop, ada@70=/home
            visits: ada[0-60]=2
            """
        ) { example in
            let clicks = example.clicks
            let windows = TimeWindows.tumbling(.seconds(60), grace: .seconds(5))
            let visits = clicks.groupByKey().windowedBy(windows, emit: .onWindowClose).count()
            example.show("visits", visits)
        }
    }

    func `Docs/Explain.md`(_ example: Example) async throws {
        let visits = Topic<String, String>("visits")
        let perMinute = WindowStoreName<String, Int64>("per-minute")

        let topology = try Topology { streams in
            _ = streams.stream(visits)
                .filter(named: "shop") { _, page in page.hasPrefix("/shop") }
                .groupByKey()
                .windowedBy(.tumbling(.seconds(60), grace: .seconds(5)), emit: .onWindowClose)
                .count(as: perMinute, named: "counted")
        }

        func why(_ app: StreamsApplication) async throws {
            print(try await app.explain())
            print(try await app.explain("ada", in: perMinute))
        }
        example.topology = topology
        _ = visits
        _ = perMinute
        _ = topology
    }

    func `Docs/Operating.md`(_ example: Example) async throws {
        func serve(_ app: StreamsApplication) async throws {
            try await withThrowingDiscardingTaskGroup { group in
                let export = MetricsExport(of: app)
                group.addTask { await export.run() }  // Until it is cancelled.
                try await app.run(stoppingAt: [SIGINT, SIGTERM])
                group.cancelAll()
            }
        }
    }

    func `Docs/Operating.md (2)`(_ example: Example) throws {
        func traced(_ shop: Topology) -> StreamsApplication {
            var configuration = StreamsConfiguration()
            configuration.traceRecords()
            return StreamsApplication(
                id: "shop", topology: shop, cluster: .embedded(at: "data"), configuration: configuration)
        }
    }

    func `Docs/Queries.md`(_ example: Example) async throws {
        let lines = Topic<String?, String>("lines")
        let wordCounts = TableStoreName<String, Int64>("word-counts")

        let topology = try Topology { streams in
            _ = streams.stream(lines)
                .flatMapValues { line in line.lowercased().split(whereSeparator: \.isWhitespace).map(String.init) }
                .groupBy { _, word in word }
                .count(as: wordCounts)
        }

        func countAndAnswer() async throws {
            let app = StreamsApplication(id: "word-count", topology: topology, cluster: .embedded(at: "data"))
            async let running: Void = app.run(stoppingAt: [SIGINT, SIGTERM])

            let counts = try app.store(wordCounts)
            let answer = try await counts.get("moldau")
            print("moldau was counted \(answer.value?.value ?? 0) times")
            for entry in try await counts.prefixScan("mo").value.entries { print(entry.key, entry.row.value) }
            try await running
        }
        example.topology = topology
        _ = lines
        _ = wordCounts
        _ = topology
    }

    func `Docs/Queries.md (2)`(_ example: Example) async throws {
        func printCommitted(_ app: StreamsApplication, _ name: TableStoreName<String, Int64>) async throws {
            var counts = try app.store(name)
            counts.options.view = .committed
            print(try await counts.get("moldau").value?.value ?? 0)
        }
    }

    func `Docs/Queries.md (3)`(_ example: Example) async throws {
        func total(
            of customer: String, adding cents: Int64, with producer: Producer<String, Int64>,
            in reader: StoreReader<TableStoreName<String, Int64>>
        ) async throws -> Int64? {
            let written = try await producer.send(customer, cents)
            var reader = reader
            if let offset = written.offset { reader.options.atLeast = [written.partition: offset + 1] }
            return try await reader.get(customer).value?.value
        }
    }

    func `Docs/Queries.md (4)`(_ example: Example) async throws {
        func printAll(_ counts: StoreReader<TableStoreName<String, Int64>>) async throws {
            var place: StorePlace?
            repeat {
                let page = try await counts.all(limit: 500, after: place).value
                for entry in page.entries { print(entry.key, entry.row.value) }
                place = page.next
            } while place != nil
        }
    }

    func `Docs/Queries.md (5)`(_ example: Example) async throws {
        func follow(_ app: StreamsApplication, _ counts: TableStoreName<String, Int64>) async throws {
            for try await change in try await app.changes(of: counts, from: .snapshot) {
                print(change.key, change.value.map { "\($0)" } ?? "was deleted")
            }
        }
    }

    func `Docs/Queries.md (6)`(_ example: Example) async throws {
        func follow(_ app: StreamsApplication, _ visits: SessionStoreName<String, Int64>) async throws {
            for try await change in try await app.changes(of: visits) {
                let session = change.key.window
                print(change.key.key, session.start, session.end, change.value.map { "\($0)" } ?? "was merged with another")
            }
        }
    }

    func `Docs/Recipes.md`(_ example: Example) async throws {
        struct Visits: JSONStreamCodable {
            var page: String
            var since: Int64
            var count: Int64
        }

        func countVisits() async throws {
            let clicks = Topic<String, String>("clicks")  // Keyed by visitor.
            let visits = Topic<String, Visits>("visits-per-minute")
            let counting = try Topology { streams in
                streams.stream(clicks)
                    .groupBy { _, page in page }
                    .windowedBy(.tumbling(.seconds(60), grace: .seconds(10)))
                    .count(as: WindowStoreName("visits"))
                    .toStream()
                    .map { window, count in
                        (window.key, count.map { Visits(page: window.key, since: window.start.ms, count: $0) })
                    }
                    .to(visits)
            }
            let app = StreamsApplication(id: "visits", topology: counting, cluster: .embedded(at: "data"))
            try await app.run(stoppingAt: [SIGINT, SIGTERM])
        }
    }

    @Test func `Docs/Recipes.md (2)`() throws {
        let clicks = Topic<String, String>("clicks")
        let counts = Topic<String, Int64>("counts")
        let topology = try Topology { streams in
            streams.stream(clicks).groupBy { _, page in page }
                .windowedBy(.tumbling(.seconds(60), grace: .seconds(10)), emit: .onWindowClose)
                .count()
                .toStream { window, _ in "\(window.key) from \(window.start.ms / 1_000) to \(window.end.ms / 1_000) s" }
                .to(counts)
        }
        let driver = try TopologyTestDriver(topology)
        for (visitor, seconds) in [("ada", 5), ("bob", 59), ("cay", 131)] as [(String, Int64)] {
            try driver.pipe(clicks, key: visitor, value: "/home", at: Timestamp(ms: seconds * 1_000))
        }
        let result = try driver.read(from: counts).first
        #expect(result?.key == "/home from 0 to 60 s")
        #expect(result?.value == 2)
    }

    @Test func `Docs/Recipes.md (3)`() throws {
        let orders = Topic<String, Int64>("orders")
        let totals = Topic<String, Int64>("totals")
        let topology = try Topology { streams in
            streams.stream(orders).groupByKey()
                .aggregate(Int64(0), as: TableStoreName("totals")) { sum, _, cents in sum += cents }
                .toStream()
                .to(totals)
        }
        let driver = try TopologyTestDriver(topology)
        try driver.pipe(orders, key: "ada", value: 120)
        try driver.pipe(orders, key: "ada", value: 30)
        #expect(try driver.read(from: totals).map(\.value) == [120, 150])
    }

    func `Docs/Recipes.md (4)`(_ example: Example) async throws {
        struct Customer: JSONStreamCodable {
            var name: String
            var city: String
        }

        struct Purchase: JSONStreamCodable {
            var article: String
        }

        struct Delivery: JSONStreamCodable {
            var article: String
            var city: String?
        }

        func deliver() async throws {
            let customers = Topic<String, Customer>("customers")
            let purchases = Topic<String, Purchase>("purchases")
            let deliveries = Topic<String, Delivery>("deliveries")
            let delivering = try Topology { streams in
                let table = streams.table(customers, as: TableStoreName("customers"))
                streams.stream(purchases)
                    .leftJoin(table) { purchase, customer in Delivery(article: purchase.article, city: customer?.city) }
                    .to(deliveries)
            }
            let app = StreamsApplication(id: "deliveries", topology: delivering, cluster: .embedded(at: "data"))
            try await app.run(stoppingAt: [SIGINT, SIGTERM])
        }
    }

    @Test func `Docs/Recipes.md (5)`() throws {
        struct Account: JSONStreamCodable, Equatable {
            var owner: String
            var cents: Int
        }

        let accounts = Topic<String, Account>("accounts")
        let large = Topic<String, Account>("large-accounts")
        let topology = try Topology { streams in
            streams.table(accounts).filter { _, account in account.cents >= 10_000 }.toStream().to(large)
        }
        let driver = try TopologyTestDriver(topology)
        try driver.pipe(accounts, key: "a1", value: Account(owner: "Ada", cents: 20_000))
        try driver.pipe(accounts, key: "a1", value: Account(owner: "Ada", cents: 50))  // No longer large.
        let results = try driver.read(from: large)
        #expect(results.map(\.value?.cents) == [20_000, nil])
    }

    @Test func `Docs/Recipes.md (6)`() throws {
        let orders = Topic<String?, Int>("orders")
        let topology = try Topology { streams in
            streams.stream(orders, named: "orders")
                .filter(named: "paid-orders") { _, cents in cents > 0 }
                .groupByKey()
                .count(named: "count-orders")
                .toStream(named: "order-counts")
                .to(Topic<String?, Int64>("order-counts"), named: "order-counts-topic")
        }
        let driver = try TopologyTestDriver(topology)
        try driver.pipe(orders, key: nil, value: 120)
        #expect(driver.drops == [DropKey(node: "count-orders", reason: .nullKey): 1])
    }

    func `Docs/Running.md`(_ example: Example) async throws {
        struct Order: JSONStreamCodable {
            var customer: String
            var cents: Int64
        }

        func serve() async throws {
            let orders = Topic<String, Order>("orders")
            let large = Topic<String, Order>("large-orders")
            let revenue = Topic<String, Int64>("revenue")
            let selecting = try Topology { streams in
                streams.stream(orders).filter { _, order in order.cents > 10_000 }.to(large)
            }
            let summing = try Topology { streams in
                streams.stream(orders)
                    .map { _, order in (order.customer, order.cents) }
                    .groupByKey()
                    .reduce { sum, cents in sum + cents }
                    .toStream()
                    .to(revenue)
            }
            let cluster = try await EmbeddedCluster(directory: "data/topics")
            var configuration = StreamsConfiguration()
            configuration.newTopicPartitions = 1
            configuration.onDeserializationFailure = { _ in .skip }
            var collecting = configuration  // One of the two keeps the bad records; otherwise each would be kept twice.
            collecting.onDeserializationFailure = { _ in .deadLetter(topic: "bad-orders") }
            collecting.namedTopics = ["bad-orders"]
            let place = ClusterChoice.cluster(cluster, stateDirectory: "data/state")
            let group = ServiceGroup(
                services: [
                    StreamsApplication(id: "selecting", topology: selecting, cluster: place, configuration: collecting),
                    StreamsApplication(id: "summing", topology: summing, cluster: place, configuration: configuration),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "orders"))
            try await group.run()
            try await cluster.close()
        }
    }

    func `Docs/Running.md (2)`(_ example: Example) async throws {
        func runAll(_ apps: [StreamsApplication], on cluster: EmbeddedCluster) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for app in apps { group.addTask { try await app.run(stoppingAt: [SIGINT, SIGTERM]) } }
                while try await group.next() != nil {}
            }
            try await cluster.close()
        }
    }

    func `Docs/Running.md (3)`(_ example: Example) async throws {
        /// Returns when every task is being processed; false if the application has ended instead.
        func waitUntilRunning(_ app: StreamsApplication) async throws -> Bool {
            while true {
                switch app.state {
                case .running: return true
                case .notRunning, .error: return false
                case .created, .rebalancing, .pendingShutdown: try await Task.sleep(for: .milliseconds(20))
                }
            }
        }
    }

    func `Docs/Running.md (4)`(_ example: Example) throws {
        func configuration(_ arguments: [String]) throws -> StreamsConfiguration {
            var configuration = StreamsConfiguration()
            let inForce = try SettingsReader.read([
                .arguments(arguments),  // --commit.interval.ms=50
                .environment(prefix: "SHOP"),  // SHOP_COMMIT_INTERVAL_MS=50
                .properties(file: "shop.properties"),  // commit.interval.ms=50
            ]) { try $0.fill(&configuration) }
            for setting in inForce where setting.origin != nil {
                print("\(setting.name)=\(setting.value ?? "") (\(setting.origin ?? ""))")
            }
            return configuration
        }
    }

    func `Docs/Running.md (5)`(_ example: Example) throws {
        func writeOrders() throws {
            let orders = Topic<String, Int64>("orders")
            let cluster = try EmbeddedCluster(directory: "data/topics")
            let admin = try cluster.makeAdmin()
            if try admin.describe([orders.name]).isEmpty {
                try admin.create([NewTopic(orders.name, partitionCount: 2)])
            }
            let writer = try TopicWriter(orders, on: cluster)
            try writer.write(Record(key: "ada", value: 120, timestamp: EmbeddedCluster.systemClock()))
            try writer.close()
            try cluster.close()
        }
    }

    func `Docs/Running.md (6)`(_ example: Example) async throws {
        func writeOrders(to cluster: EmbeddedCluster) async throws {
            let producer = try Producer(to: Topic<String, Int64>("orders"), cluster: .embedded(cluster))
            try await producer.send("ada", 120)
            await producer.close()
        }
    }

    func `Docs/Serdes.md`(_ example: Example) throws {
        let counts = Topic<String, Int64>("word-counts")
        _ = counts
    }

    func `Docs/Serdes.md (2)`(_ example: Example) throws {
        struct Order: JSONStreamCodable { var id: String; var amount: Int }
    }

    @Test func `Docs/Serdes.md (3)`() throws {
        try Example.run(
            """
            lines: kitchen=21.5
            temperatures: kitchen=Celsius(degrees: 21.5)
            """
        ) { example in
            let lines = example.lines
            struct Celsius: StreamCodable {
                var degrees: Double
                static let serde = Serde<Celsius>(
                    encode: { value, writer in try Double.serde.encode(value.degrees, &writer) },
                    decode: { bytes in Celsius(degrees: try Double.serde.decode(bytes)) })
            }

            let temperatures = Topic<String, Celsius>("temperatures")
            lines.mapValues { line in Celsius(degrees: Double(line) ?? .nan) }.to(temperatures)
            example.show("temperatures", temperatures)
        }
    }

    @Test func `Docs/Serdes.md (4)`() throws {
        try Example.run(
            """
            lines: 1=to be
            subjects: 1=copies-value to be
            """
        ) { example in
            let streams = example.streams
            let lines = example.lines
            let text = Serde<String>.perTopic { topic, part in
                let subject = "\(topic)-\(part)"
                return Serde(
                    encode: { text, writer in writer.append(utf8: "\(subject) \(text)") },
                    decode: { bytes in String(try String.serde.decode(bytes).dropFirst(subject.count + 1)) })
            }

            lines.to(Topic("copies", key: String.serde, value: text))
            let subjects = streams.stream(Topic<String, String>("copies")).mapValues { $0 }
            example.show("subjects", subjects)
        }
    }
}
