import Foundation
import Moldau
import MoldauCluster
import MoldauTopology
import Synchronization
import Testing

@testable import MoldauRuntime

/// Explanations of a whole application, and of keys of its stores.
struct ExplainedApplicationTests {
    private static let visits = Topic<String, String>("visits")
    private static let out = Topic<String, Int64>("out")
    private static let prices = Topic<String, String>("prices")
    private static let currencies = Topic<String, String>("currencies")
    private static let counts = TableStoreName<String, Int64>("counts")
    private static let hourly = WindowStoreName<String, Int64>("hourly")
    private static let history = VersionedStoreName<String, String>("history", historyRetention: .seconds(60))
    private static let rows = TableStoreName<String, String>("rows")
    private static let names = TableStoreName<String, String>("names")

    private static func counting() throws -> Topology {
        try Topology { streams in
            streams.stream(visits, named: "visits-source").groupByKey().count(as: counts, named: "counted").toStream()
                .mapValues { $0 ?? 0 }.to(out, named: "sink")
        }
    }

    private static func stores() throws -> Topology {
        try Topology { streams in
            let grouped = streams.stream(visits).groupByKey()
            _ = grouped.count(as: counts)
            _ = grouped.windowedBy(.tumbling(.seconds(10), grace: .zero)).count(
                as: Materialized(hourly, retention: .seconds(20)))
            _ = streams.table(prices, as: history, named: "prices-table")
            _ = streams.table(Topic<String, String>("offers"), as: rows)
            _ = streams.globalTable(currencies, as: names)
        }
    }

    private func running(
        _ topology: Topology, _ cluster: ((ClusterFixture) -> any ClusterPort)? = nil,
        _ configure: (inout StreamsConfiguration) -> Void = { _ in },
        _ body: (StreamsApplication, ClusterFixture) async throws -> Void
    ) async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 2, "prices": 1, "offers": 1, "currencies": 1, "out": 1])
        var configuration = StreamsConfiguration()
        configuration.commitInterval = .milliseconds(20)
        configure(&configuration)
        let app = StreamsApplication(
            id: "app", topology: topology,
            cluster: .cluster(cluster?(fixture) ?? fixture.cluster, stateDirectory: nil), configuration: configuration)
        try await app.started()
        try await body(app, fixture)
        try? await app.stopped()
    }

    /// Requests explanations until one satisfies a condition.
    private func eventually(
        _ app: StreamsApplication, _ condition: (Explanation) -> Bool
    ) async throws -> Explanation {
        for _ in 0..<2_000 {
            let explanation = try await app.explain()
            if condition(explanation) { return explanation }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("no explanation satisfied the condition")
        return try await app.explain()
    }

    // MARK: The application

    @Test func `an application that processes its records has no reasons, and reports the counts`() async throws {
        try await running(try Self.counting()) { app, fixture in
            for number in 0..<50 {
                try fixture.write("visits", "k\(number)", "x", at: Int64(number), partition: Int32(number % 2))
            }
            let explanation = try await eventually(app) { $0.state == .running && $0.nodes.first?.recordsIn == 50 }
            #expect(explanation.reasons == [])
            #expect(explanation.nodes.map(\.recordsIn) == [50, 50, 50, 50, 50])
            #expect(explanation.nodes.map(\.recordsOut) == [50, 50, 50, 50, 50])
            #expect(explanation.nodes[1].name == "counted" && explanation.nodes[4].name == "sink")
            #expect("\(explanation)".contains("Nothing holds it back"))
            let coded = try JSONDecoder().decode(Explanation.self, from: JSONEncoder().encode(explanation))
            #expect(coded == explanation)
        }
    }

    @Test func `an application that is not started, paused or stopped is reported as such`() async throws {
        let created = StreamsApplication(
            id: "app", topology: try Self.counting(),
            cluster: .cluster(try ClusterFixture().cluster, stateDirectory: nil))
        #expect(try await created.explain().reasons.map(\.kind) == [.notStarted])
        try await running(try Self.counting()) { app, fixture in
            try fixture.write("visits", "k", "x", at: 1)
            app.pause()
            let paused = try await app.explain()
            #expect(paused.reasons.first?.kind == .paused)
            app.resume()
            _ = try await eventually(app) { $0.reasons.isEmpty }
            try await app.stopped()
            #expect(try await app.explain().reasons.map(\.kind) == [.stopped])
        }
    }

    @Test func `a missing topic is reported with the node that reads it`() async throws {
        let fixture = try ClusterFixture()
        let app = StreamsApplication(
            id: "app", topology: try Self.counting(), cluster: .cluster(fixture.cluster, stateDirectory: nil))
        try? await app.started()
        let reasons = try await app.explain().reasons
        #expect(reasons.map(\.kind) == [.topicMissing] && reasons[0].node == "visits-source")
        #expect(reasons[0].sentence.contains("'visits'"))
    }

    @Test func `an error that ended the application or left a task without a thread is reported`() async throws {
        let topology = try Topology { streams in
            streams.stream(Self.visits).mapValues(named: "broken") { _ -> Int64 in throw SerdeError.invalidUTF8 }
                .to(Self.out)
        }
        for (response, kind) in [
            (UncaughtErrorResponse.stopClient, Explanation.Reason.Kind.failed), (.replaceThread, .taskUnassigned),
        ] {
            try await running(topology, nil, { $0.onUncaughtError = { _ in response } }) { app, fixture in
                try fixture.write("visits", "k", "x", at: 1)
                let found = try await eventually(app) { $0.reasons.contains { $0.kind == kind } }
                let reason = try #require(found.reasons.first { $0.kind == kind })
                #expect(kind == .failed ? reason.sentence.contains("'broken'") : reason.task != nil)
            }
        }
    }

    @Test func `a thread that is busy in a closure is reported`() async throws {
        let held = Held()
        let topology = try Topology { streams in
            streams.stream(Self.visits).peek { _, _ in held.wait() }.forEach { _, _ in }
        }
        try await running(topology) { app, fixture in
            try fixture.write("visits", "k", "x", at: 1)
            while !held.isReached { try await Task.sleep(for: .milliseconds(5)) }
            let reasons = try await app.explain().reasons
            #expect(reasons.map(\.kind) == [.threadBusy])
            held.release()
        }
    }

    // MARK: Keys

    @Test func `no reason is reported for a key that has a value`() async throws {
        try await running(try Self.stores()) { app, fixture in
            try fixture.write("visits", "ada", "x", at: 1, partition: Self.partition(of: "ada"))
            _ = try await eventually(app) { $0.nodes.contains { $0.recordsIn == 1 } }
            let found = try await app.explain("ada", in: Self.counts)
            #expect(found.hasValue && found.isHere && found.reasons == [])
            #expect(found.partition?.number == Self.partition(of: "ada") && found.task != nil)
            #expect(try await app.explain("ada", in: Self.hourly).hasValue)
            await #expect(throws: QueryError.self) {
                try await app.explain("ada", in: TableStoreName<String, String>("nowhere"))
            }
        }
    }

    @Test func `the reason why a key has no value is reported`() async throws {
        try await running(try Self.stores()) { app, fixture in
            let bob = Self.partition(of: "bob")
            try fixture.write([
                // A partition that another partitioner chose.
                .init(key: "ada", time: 1, partition: 1 - Self.partition(of: "ada")),
                // A window that ended long ago.
                .init(key: "bob", time: 1, partition: bob),
                .init(key: "bob's neighbour", time: 500_000, partition: bob),
                .init(topic: "offers", key: "tea", value: "5"), .init(topic: "offers", key: "tea", value: nil),
                .init(topic: "prices", key: "coffee", time: 500_000), .init(topic: "prices", key: "tea", time: 5),
                .init(topic: "currencies", key: "EUR"),
            ])
            _ = try await eventually(app) { explanation in
                explanation.nodes.filter { $0.operation.hasPrefix("source") }.map(\.recordsIn).sorted() == [1, 2, 2, 3]
            }
            func reason<Name: StoreName>(_ key: String, _ name: Name) async throws -> Explanation.Reason?
            where Name.Key == String, Name.Value: Sendable {
                let found = try await app.explain(key, in: name)
                #expect(!found.hasValue && "\(found)".contains("no value for the key \(key)"))
                return found.reasons.first
            }
            let elsewhere = try await reason("ada", Self.counts)
            #expect(elsewhere?.kind == .keyInOtherPartition && elsewhere?.node == "counts")
            let deleted = try await reason("tea", Self.rows)
            #expect(deleted?.kind == .keyDeleted && deleted?.node == "rows")
            let old = try await reason("tea", Self.history)
            #expect(old?.drop == .olderThanHistory && old?.node == "prices-table")
            let never = try await reason("carl", Self.counts)
            #expect(never?.kind == .keyNeverWritten && never?.node == "counts")
            let unknown = try await reason("USD", Self.names)
            #expect(unknown?.kind == .keyNeverWritten && unknown?.partition?.topic == "currencies")
            let expired = try await reason("bob", Self.hourly)
            #expect(expired?.kind == .keyExpired && expired?.node == "hourly")
            let wrong = try await app.explain("ada", in: KeyValueStoreName<String, Int64>("counts"))
            #expect(wrong.reasons.first?.kind == .keyOfWrongType)
            let number = try await app.explain(7, in: TableStoreName<Int64, Int64>("counts"))
            #expect(number.reasons.first?.kind == .keyOfWrongType)
        }
    }

    @Test func `a key that was deleted since the last commit is reported as deleted`() async throws {
        try await running(try Self.stores(), nil, { $0.commitInterval = .seconds(3_600) }) { app, fixture in
            try fixture.write([
                .init(topic: "offers", key: "tea", value: "5"), .init(topic: "offers", key: "tea", value: nil),
            ])
            _ = try await eventually(app) { $0.nodes.contains { $0.recordsIn == 2 } }
            let found = try await app.explain("tea", in: Self.rows)
            #expect(found.reasons.first?.kind == .keyDeleted)
        }
    }

    @Test func `a key that another process holds is reported with its host`() async throws {
        var share = MemberShare(active: [TaskID(subtopology: 0, partition: Partition(0))])
        share.hosts = ["other:9092": ["0_1"]]
        try await running(try Self.counting(), { [share] in SharedCluster($0.cluster, [share]) }) { app, fixture in
            try fixture.write("visits", "k", "x", at: 1, partition: 0)
            _ = try await eventually(app) { $0.state == .running }
            let key = try #require(["a", "b", "c", "d", "e"].first { Self.partition(of: $0) == 1 })
            let found = try await app.explain(key, in: Self.counts)
            #expect(!found.isHere && found.reasons.first?.kind == .keyElsewhere)
            #expect(found.reasons.first?.sentence.contains("other:9092") == true)
            #expect(try await app.explain().reasons == [])
        }
    }

    private static func partition(of key: String) -> Int32 {
        Array(key.utf8).withUnsafeBytes { Partitioner.partition(ofKey: $0, count: 2).number }
    }
}

/// Holds a thread until it is released.
final class Held: Sendable {
    private let state = Mutex((isReached: false, isReleased: false))
    var isReached: Bool { state.withLock { $0.isReached } }
    func release() { state.withLock { $0.isReleased = true } }
    func wait() {
        state.withLock { $0.isReached = true }
        while !state.withLock({ $0.isReleased }) { Thread.sleep(forTimeInterval: 0.005) }
    }
}
