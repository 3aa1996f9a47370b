import Moldau
import MoldauCluster
import Testing

@testable import MoldauRuntime

/// Following the changes of aggregates of windows and sessions.
struct WindowChangesTests {
    private static let visits = Topic<String, String>("visits")
    private static let counts = TableStoreName<String, Int64>("counts")
    private static let tumbling = WindowStoreName<String, Int64>("tumbling")
    private static let hopping = WindowStoreName<String, Int64>("hopping")
    private static let sliding = WindowStoreName<String, Int64>("sliding")
    private static let unlimited = WindowStoreName<String, Int64>("unlimited")
    private static let sessions = SessionStoreName<String, Int64>("sessions")

    private static func topology() throws -> Topology {
        try Topology { streams in
            let visits = streams.stream(visits)
            let grouped = visits.groupByKey()
            let (size, grace) = (Duration.milliseconds(10), Duration.seconds(60))
            _ = grouped.count(as: counts)
            _ = grouped.windowedBy(.tumbling(size, grace: grace)).count(as: tumbling)
            _ = grouped.windowedBy(.hopping(size, every: .milliseconds(5), grace: grace)).count(as: hopping)
            _ = grouped.windowedBy(.sliding(size, grace: grace)).count(as: sliding)
            _ = grouped.windowedBy(.unlimited()).count(as: unlimited)
            _ = grouped.windowedBy(.sessions(gap: .milliseconds(3), grace: grace)).count(as: sessions)
            _ = visits.join(
                visits, within: JoinWindows(difference: size, grace: grace), storesNamed: "pairs"
            ) { left, _ in left }
        }
    }

    private func running(
        _ body: (StreamsApplication, ClusterFixture) async throws -> Void
    ) async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 1])
        var configuration = StreamsConfiguration()
        (configuration.guarantee, configuration.commitInterval) = (.exactlyOnce, .milliseconds(20))
        let app = StreamsApplication(
            id: "app", topology: try Self.topology(), cluster: .cluster(fixture.cluster, stateDirectory: nil),
            configuration: configuration)
        try await app.started()
        try await body(app, fixture)
        try await app.stopped()
    }

    private func ada(_ start: Int64, _ end: Int64) -> Windowed<String> {
        Windowed("ada", in: Window(start: Timestamp(ms: start), end: Timestamp(ms: end)))
    }

    @Test func `a window's change has the windowed key and the event's timestamp`() async throws {
        try await running { app, fixture in
            var tumbling = try await app.changes(of: Self.tumbling).makeAsyncIterator()
            var unlimited = try await app.changes(of: Self.unlimited).makeAsyncIterator()
            for (time, start, count) in [(7, 0, 1), (8, 0, 2), (13, 10, 1)] as [(Int64, Int64, Int64)] {
                try fixture.write("visits", "ada", "x", at: time)
                let change = try #require(try await tumbling.next())
                #expect(change.key == ada(start, start + 10) && change.value == count)
                #expect(change.timestamp.ms == time && change.partition == Partition(0) && change.missed == 0)
                #expect(try await unlimited.next()?.key == ada(0, .max))
            }
        }
    }

    @Test func `changes from now and from a snapshot both lead to the store's windows`() async throws {
        try await running { app, fixture in
            for name in [Self.tumbling, Self.hopping, Self.sliding] {
                let followed = try await app.changes(of: name)
                let times: [Int64] = [7, 12, 31, 12, 29]
                for time in times { try fixture.write("visits", name.name, "x", at: time) }
                var reader = try app.store(name)
                reader.options.atLeast = try fixture.consumer.bounds(of: [TopicPartition("visits", 0)])
                    .mapValues(\.upperBound)
                let held = try await reader.windows(of: name.name).value.entries
                let wanted = Dictionary(uniqueKeysWithValues: held.map { ($0.key, $0.row.value) })
                #expect(wanted.count >= 3, "\(name.name)")
                for changes in [followed, try await app.changes(of: name, from: .snapshot)] {
                    var found: [Windowed<String>: Int64] = [:]
                    for try await change in changes where change.key.key == name.name {
                        found[change.key] = change.value
                        if found == wanted { break }
                    }
                    #expect(found == wanted, "\(name.name)")
                }
            }
        }
    }

    @Test func `sessions that are merged are reported as deleted`() async throws {
        try await running { app, fixture in
            func expect(
                _ changes: inout TableChanges<SessionStoreName<String, Int64>>.Iterator,
                _ wanted: [(Windowed<String>, Int64?)]
            ) async throws {
                for (key, value) in wanted {
                    let change = try #require(try await changes.next())
                    #expect(change.key == key && change.value == value)
                    #expect(change.timestamp == key.end && change.missed == 0)
                }
            }
            var now = try await app.changes(of: Self.sessions).makeAsyncIterator()
            for time in [0, 5] as [Int64] {
                try fixture.write("visits", "ada", "x", at: time)
                try await expect(&now, [(ada(time, time), 1)])
            }
            try fixture.write("visits", "ada", "x", at: 3)
            let merged: [(Windowed<String>, Int64?)] = [(ada(0, 5), 3), (ada(0, 0), nil), (ada(5, 5), nil)]
            try await expect(&now, merged)
            var snapshot = try await app.changes(of: Self.sessions, from: .snapshot).makeAsyncIterator()
            try await expect(&snapshot, [(ada(0, 0), 1), (ada(5, 5), 1)] + merged)
        }
    }

    @Test func `a snapshot continues after changelog records that are deleted while it is read`() async throws {
        try await running { app, fixture in
            var now = try await app.changes(of: Self.tumbling).makeAsyncIterator()
            for time in [0, 10, 20] as [Int64] {
                try fixture.write("visits", "ada", "x", at: time)
                _ = try await now.next()
            }
            var snapshot = try await app.changes(of: Self.tumbling, from: .snapshot).makeAsyncIterator()
            let last = try await app.store(Self.tumbling).fetch("ada", at: Timestamp(ms: 20))
            #expect(last.value?.value == 1)
            let changelog = TopicPartition("app-tumbling-changelog", 0)
            let end = try #require(try fixture.consumer.bounds(of: [changelog])[changelog]).upperBound
            // The last change, and the marker of its transaction.
            try fixture.deleteRecords(before: [changelog: Offset(end.value - 2)])
            let first = try #require(try await snapshot.next())
            #expect(first.key == ada(20, 30) && first.missed == 0)
        }
    }

    @Test func `a name of another kind is rejected`() async throws {
        try await running { app, fixture in
            await #expect(throws: QueryError.self) {
                _ = try await app.changes(of: WindowStoreName<String, Int64>("counts"))
            }
            await #expect(throws: QueryError.self) {
                _ = try await app.changes(of: WindowStoreName<String, Int64>("sessions"))
            }
        }
    }
}
