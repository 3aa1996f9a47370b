import Foundation
import Moldau
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import Synchronization
import Testing

@testable import MoldauConsole

/// A value that is encoded as JSON.
struct Order: JSONStreamCodable, Hashable {
    var customer: String
    var cents: Int
}

/// A key that is encoded as JSON.
struct Place: JSONStreamCodable, Hashable, Comparable {
    var city: String
    static func < (left: Place, right: Place) -> Bool { left.city < right.city }
}

/// An application with stores of all kinds, on an in-memory cluster, and its console on its own port.
struct ConsoleFixture {
    static let visits = Topic<String?, String>("visits")
    static let orders = Topic<Int64, Order>("orders")
    static let prices = Topic<String, String>("prices")
    static let currencies = Topic<String, String>("currencies")
    static let blobs = Topic<[UInt8], [UInt8]>("blobs")
    static let places = Topic<Place, Int32>("places")
    static let clicks = Topic<String, String>("clicks")
    static let totals = Topic<String, Int64>("totals")

    static func topology() throws -> Topology {
        try Topology { streams in
            let grouped = streams.stream(visits).groupBy { key, _ in key ?? "" }
            grouped.count(as: TableStoreName<String, Int64>("counts")).toStream().to(totals)
            let windows = grouped.windowedBy(.tumbling(.seconds(10), grace: .seconds(60)))
            windows.count(as: WindowStoreName("hourly")).suppress(.untilWindowCloses()).toStream().forEach { _, _ in }
            _ = grouped.windowedBy(.sessions(gap: .seconds(5), grace: .seconds(60))).count(
                as: SessionStoreName("sessions"))
            _ = streams.table(orders, as: TableStoreName<Int64, Order>("orders-table"))
            _ = streams.table(
                prices, as: VersionedStoreName<String, String>("history", historyRetention: .seconds(3_600)))
            _ = streams.globalTable(currencies, as: TableStoreName<String, String>("names"))
            _ = streams.table(blobs, as: TableStoreName<[UInt8], [UInt8]>("blobs-table"))
            _ = streams.table(places, as: TableStoreName<Place, Int32>("places-table"))
            let clicks = streams.stream(clicks)
            let within = JoinWindows(difference: .seconds(1), grace: .seconds(1))
            _ = clicks.join(clicks, within: within, storesNamed: "pairs") { left, _ in left }
        }
    }

    let cluster: EmbeddedCluster
    let app: StreamsApplication
    let http: HTTPExchange
    let schema: AnswerSchema

    /// Runs the application and its console.
    /// - Parameter starts: whether the application is started.
    static func run(
        at address: ConsoleAddress = .localhost(0), starts: Bool = true,
        _ configure: (inout StreamsConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (ConsoleFixture) async throws -> Void
    ) async throws {
        let cluster = try EmbeddedCluster(inMemoryWithClock: { Timestamp(ms: 1_000) })
        let names = ["visits", "orders", "prices", "currencies", "blobs", "places", "clicks", "totals"]
        // Records are never deleted, whatever their timestamps and however long the test takes.
        let topics = names.map {
            NewTopic($0, partitionCount: $0 == "visits" ? 2 : 1, configuration: ["retention.ms": "-1"])
        }
        try await cluster.withAdmin { try $0.create(topics) }
        var configuration = StreamsConfiguration()
        configuration.commitInterval = .milliseconds(20)
        configure(&configuration)
        let app = StreamsApplication(
            id: "app", topology: try topology(), cluster: .cluster(cluster, stateDirectory: nil),
            configuration: configuration)
        if starts { try await onThread { try app.start() } }
        let (urls, listening) = AsyncStream.makeStream(of: String.self)
        let console = StreamsConsole(app, at: address, onListening: { listening.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await console.run() }
            group.addTask {
                for await url in urls {
                    let http = HTTPExchange(port: try #require(URL(string: url)?.port))
                    let schema = try AnswerSchema(
                        Data(OpenAPI.document(of: Routes.all(of: .init(engine: app.engine))).text.utf8))
                    try await body(ConsoleFixture(cluster: cluster, app: app, http: http, schema: schema))
                    break
                }
            }
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
        if starts { try await onThread { try app.stop() } }
    }

    /// Writes a record to the partition of its key.
    func write<Key, Value>(_ topic: Topic<Key, Value>, _ key: Key, _ value: Value, at time: Int64 = 0) throws {
        let writer = try TopicWriter(topic, on: cluster)
        try writer.write(Record(key: key, value: value, timestamp: Timestamp(ms: time)))
        try writer.close()
    }

    /// Sends a request, and checks the answer against the description.
    /// - Parameter path: the path in the description.
    func get(_ target: String, of path: String, status: Int = 200) async throws -> JSON {
        let reply = try await http.send(target)
        #expect(reply.status == status, "\(target): \(String(decoding: reply.body, as: UTF8.self))")
        let complaints = try schema.complaints(
            reply.body, path: path, status: reply.status, type: reply.headers["content-type"] ?? "")
        #expect(complaints.isEmpty, "\(target)")
        return try JSON(reply.body)
    }

    /// Repeats a request until the answer has that member, for at most a minute.
    func get(_ target: String, of path: String, until name: String, is value: JSON) async throws -> JSON {
        let limit = ContinuousClock.now + .seconds(60)
        while true {
            let answer = try await get(target, of: path)
            if answer[name] == value || ContinuousClock.now > limit {
                #expect(answer[name] == value, "\(target)")
                return answer
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
