import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Testing

/// Stores whose topic was replaced by another one of the same name start empty.
struct TopicIdentityTests {
    private let clicks = Topic<String, String>("clicks")
    private let rows = Topic<String, String>("rows")
    private let out = Topic<String, String>("out")

    private func joined(_ rows: String = "rows") throws -> Topology {
        try Topology { streams in
            let table = streams.globalTable(
                Topic<String, String>(rows), as: TableStoreName<String, String>("global"))
            streams.stream(clicks).leftJoin(table, on: { _, value in value }) { _, row in row ?? "none" }.to(out)
        }
    }

    @discardableResult
    private func run(_ topology: Topology, on fixture: ClusterFixture) throws -> [RestoreProgress] {
        let told = Gathered<RestoreProgress>()
        var configuration = StreamsConfiguration()
        configuration.onRestore = { told.add($0) }
        let thread = try fixture.thread(topology, configuration: configuration, inMemory: false)
        try thread.runUntilIdle()
        try thread.stop(now: Timestamp(ms: 0))
        return told.all
    }

    private func values(_ fixture: ClusterFixture) throws -> [String] { try fixture.read(out).map(\.value) }

    @Test(arguments: [1, 3, 6])
    func `a global table whose topic was recreated has only the new topic's rows`(count: Int) throws {
        let fixture = try ClusterFixture()
        try fixture.create(["clicks": 1, "out": 1, "rows": 1])
        for number in 0..<3 { try fixture.write("rows", "k\(number)", "old\(number)", at: 1) }
        try fixture.write("clicks", "a", "k0", at: 2)
        try run(joined(), on: fixture)
        try fixture.delete(["rows"])
        try fixture.create(["rows": 1])
        for number in 0..<count { try fixture.write("rows", "n\(number)", "new\(number)", at: 3) }
        for key in ["k0", "k1", "n0"] { try fixture.write("clicks", "a", key, at: 4) }
        let told = try run(joined(), on: fixture)
        #expect(try values(fixture) == ["old0", "none", "none", "new0"])
        #expect(told.first?.rebuiltBecause?.hasPrefix("the topic 'rows' is not the one") == true)
    }

    @Test(arguments: [2, 5])
    func `a running application detects that a global table's topic was recreated`(count: Int) async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["clicks": 1, "out": 1, "rows": 1])
        for number in 0..<2 { try fixture.write("rows", "k\(number)", "old\(number)", at: 1) }
        var configuration = StreamsConfiguration()
        configuration.topicSearchInterval = .milliseconds(20)
        // A thread that reads while the topic does not exist fails.
        configuration.onUncaughtError = { _ in .replaceThread }
        let app = StreamsApplication(
            id: "app", topology: try joined(), cluster: .cluster(fixture.cluster, stateDirectory: nil),
            configuration: configuration)
        try await app.started()
        try fixture.write("clicks", "a", "k0", at: 2)
        #expect(try eventually { try values(fixture) == ["old0"] })
        try fixture.delete(["rows"])
        try fixture.create(["rows": 1])
        for number in 0..<count { try fixture.write("rows", "n\(number)", "new\(number)", at: 3) }
        // Until this is detected, old rows are found.
        #expect(
            try await eventuallyInTasks {
                try fixture.write("clicks", "a", "k0", at: 4)
                return try values(fixture).last == "none"
            })
        try fixture.write("clicks", "a", "n0", at: 5)
        #expect(try eventually { try values(fixture).last == "new0" })
        try await app.stopped()
    }

    @Test func `a global table that reads another topic has only that topic's rows`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["clicks": 1, "out": 1, "rows": 1, "rows-2": 1])
        try fixture.write("rows", "k", "old", at: 1)
        try fixture.write("rows-2", "n", "new", at: 1)
        try run(joined(), on: fixture)
        try fixture.write("clicks", "a", "k", at: 2)
        try fixture.write("clicks", "a", "n", at: 3)
        let told = try run(joined("rows-2"), on: fixture)
        #expect(try values(fixture) == ["none", "new"])
        #expect(
            told.first?.rebuiltBecause
                == "the store is built from the topic 'rows-2' now, but was built from 'rows'")
    }

    @Test func `after the cluster was wiped, counts start from 1`() throws {
        let count = try Topology { streams in
            streams.stream(clicks).groupByKey().count(as: TableStoreName<String, Int64>("counts")).toStream()
                .mapValues { "\($0 ?? 0)" }.to(out)
        }
        let first = try ClusterFixture()
        try first.create(["clicks": 1, "out": 1])
        for _ in 0..<3 { try first.write("clicks", "a", "x", at: 1) }
        try run(count, on: first)
        let second = try ClusterFixture(sharingStateOf: first)
        try second.create(["clicks": 1, "out": 1])
        for _ in 0..<5 { try second.write("clicks", "a", "x", at: 1) }
        try run(count, on: second)
        #expect(try values(second) == ["1", "2", "3", "4", "5"])
    }

    @Test func `a table whose source topic was recreated has only the new rows`() throws {
        let topology = try Topology(TopologyOptions(optimizations: [.reuseSourceTopics])) { streams in
            let table = streams.table(rows, as: TableStoreName<String, String>("table"))
            streams.stream(clicks).leftJoin(table) { _, row in row ?? "none" }.to(out)
        }
        let fixture = try ClusterFixture()
        try fixture.create(["clicks": 1, "out": 1, "rows": 1])
        try fixture.write("rows", "k", "old", at: 1)
        try fixture.write("clicks", "k", "x", at: 2)
        try run(topology, on: fixture)
        try fixture.delete(["rows"])
        try fixture.create(["rows": 1])
        try fixture.write("rows", "n", "new", at: 3)
        try fixture.write("clicks", "k", "x", at: 4)
        try fixture.write("clicks", "n", "x", at: 5)
        try run(topology, on: fixture)
        #expect(try values(fixture) == ["old", "none", "new"])
    }

    // MARK: The same topic, with fewer records

    private func counted(_ fixture: ClusterFixture) throws -> Topology {
        try Topology { streams in
            streams.stream(clicks).groupByKey().count(as: TableStoreName<String, Int64>("counts")).toStream()
                .mapValues { "\($0 ?? 0)" }.to(out)
        }
    }

    private let changelog = TopicPartition("app-counts-changelog", 0)

    @Test func `a store keeps its rows if its changelog starts after the store's position`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["clicks": 1, "out": 1])
        for key in ["a", "a", "b"] { try fixture.write("clicks", key, "x", at: 1) }
        try run(counted(fixture), on: fixture)
        // More was written by others, and everything was deleted, as by retention.
        for _ in 0..<5 { try fixture.write(changelog.topic, "z", "12345678", at: 1) }
        try fixture.admin.deleteRecords(before: [changelog: Offset(7)])
        try fixture.write("clicks", "a", "x", at: 2)
        let told = try run(counted(fixture), on: fixture)
        #expect(try values(fixture) == ["1", "2", "1", "3"])
        #expect(told.allSatisfy { $0.rebuiltBecause == nil })
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a changelog that ends before its store's position is completed from the store`(
        guarantee: ProcessingGuarantee
    ) throws {
        let fixture = try ClusterFixture()
        try fixture.create(["clicks": 1, "out": 1])
        for number in 0..<200 { try fixture.write("clicks", "k\(number)", "x", at: 1) }
        let topology = try counted(fixture)
        // The store is ahead of a changelog that lost everything.
        try fixture.runWithoutTopicIDs(topology, guarantee)
        try fixture.admin.delete([changelog.topic])
        for number in 0..<2 {
            try fixture.write("clicks", "k\(number)", "x", at: 2)
            try fixture.runWithoutTopicIDs(topology, guarantee)
        }
        // Restored from the changelog alone.
        for number in 0..<200 { try fixture.write("clicks", "k\(number)", "x", at: 3) }
        try fixture.runWithoutTopicIDs(topology, guarantee, inMemory: true)
        let last = try fixture.read(out).reduce(into: [:]) { $0[$1.key] = $1.value }
        for number in 0..<200 { #expect(last["k\(number)"] == (number < 2 ? "3" : "2"), "k\(number)") }
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `deletions that a changelog lost at its end are written to it again`(guarantee: ProcessingGuarantee) throws {
        let fixture = try ClusterFixture()
        try fixture.create(["clicks": 1, "out": 1, "rows": 1])
        let topology = try Topology { streams in
            let table = streams.table(rows, as: TableStoreName<String, String>("table"))
            streams.stream(clicks).leftJoin(table) { _, row in row ?? "none" }.to(out)
        }
        let keys = (0..<10).map { "k\($0)" }
        for key in keys { try fixture.write("rows", key, "old", at: 1) }
        try fixture.runWithoutTopicIDs(topology, guarantee)
        // A deletion that the changelog keeps, two that it loses, and one of a row that was written again.
        for key in ["k1", "k2", "k3", "k4"] { try fixture.write("rows", key, nil, at: 2) }
        try fixture.write("rows", "k4", "new", at: 3)
        try fixture.runWithoutTopicIDs(topology, guarantee)
        try fixture.admin.delete(["app-table-changelog"])
        try fixture.admin.create([
            NewTopic("app-table-changelog", partitionCount: 1, configuration: ["cleanup.policy": "compact"])
        ])
        for key in keys { try fixture.write("app-table-changelog", key, "old", at: 1) }
        try fixture.write("app-table-changelog", "k1", nil, at: 2)
        try fixture.runWithoutTopicIDs(topology, guarantee)
        let changes = try fixture.read(Topic<String, String?>("app-table-changelog"))
        #expect(changes.dropFirst(11).filter { $0.value == nil }.map(\.key) == ["k2", "k3"])
        // Restored from the changelog alone.
        for key in keys { try fixture.write("clicks", key, "x", at: 4) }
        try fixture.runWithoutTopicIDs(topology, guarantee, inMemory: true)
        let last = try fixture.read(out).map(\.value)
        #expect(last == ["old", "none", "none", "none", "new", "old", "old", "old", "old", "old"])
    }
}
