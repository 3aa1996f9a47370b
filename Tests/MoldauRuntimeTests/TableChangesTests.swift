import Moldau
import MoldauCluster
import Testing

@testable import MoldauRuntime

/// Following the changes of a running application's tables.
struct TableChangesTests {
    private static let visits = Topic<String, String>("visits")
    private static let counts = TableStoreName<String, Int64>("counts")
    private static let prices = Topic<String, String>("prices")
    private static let history = VersionedStoreName<String, String>("history", historyRetention: .seconds(3_600))
    private static let cities = Topic<String, String>("cities")
    private static let latest = TableStoreName<String, String>("latest")
    private static let currencies = Topic<String, String>("currencies")
    private static let names = TableStoreName<String, String>("names")
    private static let unlogged = TableStoreName<String, Int64>("unlogged")

    private static func topology() throws -> Topology {
        try Topology { streams in
            let grouped = streams.stream(visits).groupByKey()
            _ = grouped.count(as: counts)
            _ = grouped.count(as: Materialized(unlogged, isLogged: false))
            _ = streams.table(prices, as: history)
            _ = streams.table(cities, as: latest)
            _ = streams.globalTable(currencies, as: names)
        }
    }

    private func running(
        _ guarantee: ProcessingGuarantee = .exactlyOnce, partitions: Int32 = 1,
        _ body: (StreamsApplication, ClusterFixture) async throws -> Void
    ) async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": partitions, "prices": partitions, "cities": partitions, "currencies": 1])
        var configuration = StreamsConfiguration()
        (configuration.guarantee, configuration.commitInterval) = (guarantee, .milliseconds(20))
        let app = StreamsApplication(
            id: "app", topology: try Self.topology(), cluster: .cluster(fixture.cluster, stateDirectory: nil),
            configuration: configuration)
        try await app.started()
        try await body(app, fixture)
        try await app.stopped()
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `changes are received as they are committed, and end with the application`(
        guarantee: ProcessingGuarantee
    ) async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 1, "prices": 1, "cities": 1, "currencies": 1])
        var configuration = StreamsConfiguration()
        (configuration.guarantee, configuration.commitInterval) = (guarantee, .milliseconds(20))
        let app = StreamsApplication(
            id: "app", topology: try Self.topology(), cluster: .cluster(fixture.cluster, stateDirectory: nil),
            configuration: configuration)
        try await app.started()
        var changes = try await app.changes(of: Self.counts).makeAsyncIterator()
        try fixture.write("visits", "ada", "x", at: 7, partition: 0)
        let first = try #require(try await changes.next())
        #expect((first.key, first.value, first.timestamp.ms, first.missed) == ("ada", 1, 7, 0))
        #expect(first.partition == Partition(0) && first.offset == .zero)
        // Changes that were committed before the end are received, then the end.
        try fixture.write("visits", "bob", "x", at: 8, partition: 0)
        try await app.stopped()
        var rest: [String: Int64] = [:]
        while let change = try await changes.next() { rest[change.key] = change.value }
        #expect(rest == ["bob": 1] || rest.isEmpty)
        await #expect(throws: QueryError.notRunning(.notRunning)) { _ = try await app.changes(of: Self.counts) }
    }

    @Test func `a snapshot is followed by later changes without a gap`() async throws {
        try await running(partitions: 2) { app, fixture in
            func visit(_ numbers: Range<Int>) throws {
                for number in numbers {
                    try fixture.write("visits", "k\(number % 10)", "x", at: 1, partition: Int32(number % 2))
                }
            }
            for round in 0..<8 {
                // Some of the records are committed before the reader starts, some are in flight, and some are written
                // later.
                try visit(100 * round..<100 * round + 50)
                try await Task.sleep(for: .milliseconds(7 * round))
                let changes = try await app.changes(of: Self.counts, from: .snapshot)
                try visit(100 * round + 50..<100 * round + 100)
                var counts: [String: Int64] = [:]
                for try await change in changes {
                    #expect(change.missed == 0)
                    #expect(change.value ?? 0 > counts[change.key] ?? 0, "counts increase")
                    counts[change.key] = change.value
                    if counts.count == 10, counts.values.allSatisfy({ $0 == 10 * (round + 1) }) { break }
                }
                #expect(counts.count == 10)
            }
        }
    }

    @Test func `a slow reader gets the number of changes that it missed`() async throws {
        try await running { app, fixture in
            var changes = try await app.changes(of: Self.latest, limit: 10).makeAsyncIterator()
            var other = try await app.changes(of: Self.latest).makeAsyncIterator()
            for number in 0..<100 { try fixture.write("cities", "k\(number)", "x", at: 1, partition: 0) }
            // The other reader gets them all: then the first one has been offered them all.
            var missed: [Int64] = []
            for _ in 0..<100 { missed.append(try #require(try await other.next()).missed) }
            #expect(missed.allSatisfy { $0 == 0 })
            var count: Int64 = 0
            while count < 100 {
                let change = try #require(try await changes.next())
                if count == 0 { #expect(change.missed > 0, "the oldest changes are missed") }
                count += 1 + change.missed
            }
            #expect(count == 100)
        }
    }

    @Test func `deletions, versions and global tables are followed`() async throws {
        try await running { app, fixture in
            var latest = try await app.changes(of: Self.latest).makeAsyncIterator()
            var history = try await app.changes(of: Self.history).makeAsyncIterator()
            try fixture.write("currencies", "EUR", "euro", at: 1, partition: 0)
            var names = try await app.changes(of: Self.names, from: .snapshot).makeAsyncIterator()
            try fixture.write("cities", "ada", "London", at: 1, partition: 0)
            try fixture.write("prices", "tea", "4", at: 3, partition: 0)
            #expect(try await latest.next()?.value == "London")
            try fixture.write("cities", "ada", nil, at: 2, partition: 0)
            let deleted = try #require(try await latest.next())
            #expect(deleted.key == "ada" && deleted.value == nil)
            #expect(try await history.next()?.value == "4")
            #expect(try await names.next()?.value == "euro")
        }
    }

    @Test func `following an unsuitable store is an error, and a reader can be cancelled`() async throws {
        try await running { app, fixture in
            let other = TableStoreName<String, Int64>("other")
            await #expect(throws: QueryError.self) { _ = try await app.changes(of: other) }
            await #expect(throws: QueryError.notLogged(store: "unlogged")) {
                _ = try await app.changes(of: Self.unlogged)
            }
            await #expect(throws: QueryError.self) {
                _ = try await app.changes(of: TableStoreName<String, Int32>("counts"))
            }
            var changes = try await app.changes(of: Self.counts).makeAsyncIterator()
            try fixture.write("app-counts-changelog", "ada", "no number", at: 7, partition: 0)
            await #expect(throws: StateError.self) { _ = try await changes.next() }
            let quiet = try await app.changes(of: Self.latest)
            let reader = Task { for try await _ in quiet {} }
            try await Task.sleep(for: .milliseconds(50))
            reader.cancel()
            await #expect(throws: CancellationError.self) { try await reader.value }
        }
    }
}
