import Foundation
import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Testing

/// Applications that restart with a changed store definition: they keep all rows, or fail with an explanation.
struct ChangedStoreTests {
    private static let clicks = Topic<String, String>("clicks")
    private static let others = Topic<String, String>("others")
    private static let out = Topic<String, String>("out")
    /// The start of an hour in 2020.
    private static let start: Int64 = 1_600_002_000_000

    private func fixture() throws -> ClusterFixture {
        let fixture = try ClusterFixture()
        try fixture.create(["clicks": 1, "others": 1, "out": 1])
        return fixture
    }

    /// - Returns: the number of records that were dropped as expired or late.
    @discardableResult
    private func run(_ topology: Topology, on fixture: ClusterFixture, inMemory: Bool = false) throws -> Int64 {
        let thread = try fixture.thread(topology, inMemory: inMemory)
        do { try thread.runUntilIdle() } catch {
            try? thread.stop(now: Timestamp(ms: 0))
            throw error
        }
        try thread.stop(now: Timestamp(ms: 0))
        return thread.report.drops.filter { [.expired, .late].contains($0.key.reason) }.reduce(0) { $0 + $1.value }
    }

    private func values(_ fixture: ClusterFixture) throws -> [String] { try fixture.read(Self.out).map(\.value) }

    private static func windows(
        _ windows: TimeWindows, emit: EmitStrategy = .onWindowUpdate, kind: StoreKind = .rocksDB,
        retention: Duration? = nil
    ) throws -> Topology {
        try Topology { streams in
            streams.stream(clicks).groupByKey().windowedBy(windows, emit: emit)
                .count(
                    as: Materialized(WindowStoreName<String, Int64>("store"), kind: kind, retention: retention)
                )
                .toStream { window, _ in "\(window.key)@\(window.window.start.ms - start)" }
                .mapValues { "\($0 ?? 0)" }.to(out)
        }
    }

    private static func sessions(grace: Duration, emit: EmitStrategy = .onWindowUpdate) throws -> Topology {
        try Topology { streams in
            streams.stream(clicks).groupByKey().windowedBy(.sessions(gap: .seconds(60), grace: grace), emit: emit)
                .count(as: SessionStoreName<String, Int64>("store")).toStream { window, _ in window.key }
                .filter { _, count in count != nil }.mapValues { "\($0 ?? 0)" }.to(out)
        }
    }

    private static func join(difference: Duration, grace: Duration) throws -> Topology {
        try Topology { streams in
            streams.stream(clicks).join(
                streams.stream(others), within: JoinWindows(difference: difference, grace: grace), storesNamed: "store"
            ) { "\($0)+\($1)" }.to(out)
        }
    }

    // MARK: Changes that keep the store

    @Test(arguments: [StoreKind.rocksDB, .inMemory])
    func `a longer grace period keeps all windows, even after the state is lost`(kind: StoreKind) throws {
        let fixture = try fixture()
        func count(_ grace: Duration, _ records: Int) throws {
            for number in 0..<records { try fixture.write("clicks", "a", "x", at: Self.start + 1_000 + Int64(number)) }
            #expect(try run(Self.windows(.tumbling(.seconds(3_600), grace: grace), kind: kind), on: fixture) == 0)
        }
        try count(.zero, 3)
        try count(.seconds(3_600), 2)
        #expect(try values(fixture) == ["1", "2", "3", "4", "5"])
        try? FileManager.default.removeItem(atPath: fixture.directory)  // With stores in memory there is none.
        try count(.seconds(3_600), 3)
        #expect(try values(fixture) == ["1", "2", "3", "4", "5", "6", "7", "8"])
    }

    @Test func `windows are kept when the grace period shrinks and grows, in memory and on disk`() throws {
        let fixture = try fixture()
        for (round, grace) in ([0, 7_200, 600, 86_400, 30] as [Int64]).enumerated() {
            try fixture.write("clicks", "a", "x", at: Self.start + 90_000 + Int64(round))
            try fixture.write("clicks", "b", "x", at: Self.start + 100_000)
            let kind: StoreKind = round == 2 ? .inMemory : .rocksDB
            let topology = try Self.windows(.tumbling(.seconds(60), grace: .seconds(grace)), kind: kind)
            #expect(try run(topology, on: fixture) == 0)
            let last = try fixture.read(Self.out).last { $0.key == "a@60000" }?.value
            #expect(last == "\(round + 1)")
        }
    }

    @Test func `windows can switch between emitting every update and emitting on close`() throws {
        let fixture = try fixture()
        for (round, emit) in ([.onWindowUpdate, .onWindowClose, .onWindowUpdate, .onWindowClose] as [EmitStrategy])
            .enumerated()
        {
            try fixture.write("clicks", "a", "x", at: Self.start + Int64(round))
            #expect(
                try run(Self.windows(.tumbling(.seconds(60), grace: .seconds(round)), emit: emit), on: fixture) == 0)
        }
        try fixture.write("clicks", "b", "x", at: Self.start + 600_000)
        try run(Self.windows(.tumbling(.seconds(60), grace: .seconds(3)), emit: .onWindowClose), on: fixture)
        // Windows that were waiting to be emitted on close are emitted when every update is.
        #expect(try values(fixture) == ["1", "2", "3", "4"])
    }

    /// Closed and not emitted, or still open: neither has been emitted yet.
    @Test(arguments: [StoreKind.rocksDB, .inMemory], [61, 30, 3_600] as [Int64])
    func `windows waiting to be emitted on close are emitted after a switch to every update`(
        kind: StoreKind, last: Int64
    ) throws {
        let fixture = try fixture()
        let minutes = TimeWindows.tumbling(.seconds(60), grace: .zero)
        try fixture.write("clicks", "a", "1", at: Self.start + 1_000)
        try run(try Self.windows(minutes, emit: .onWindowClose, kind: kind), on: fixture)
        try fixture.write("clicks", "a", "2", at: Self.start + 2_000)
        try fixture.write("clicks", "b", "3", at: Self.start + last * 1_000)
        try run(try Self.windows(minutes, kind: kind), on: fixture)
        let results = try fixture.read(Self.out).map { "\($0.key)=\($0.value)" }
        #expect(results.prefix(2) == ["a@0=1", "a@0=2"])
    }

    @Test func `sessions waiting to be emitted on close are emitted after a switch to every update`() throws {
        let fixture = try fixture()
        try fixture.write("clicks", "a", "1", at: Self.start + 1_000)
        try run(try Self.sessions(grace: .zero, emit: .onWindowClose), on: fixture)
        try fixture.write("clicks", "b", "2", at: Self.start + 200_000)
        try run(try Self.sessions(grace: .zero), on: fixture)
        #expect(try fixture.read(Self.out).map { "\($0.key)=\($0.value)" } == ["a=1", "b=1"])
    }

    @Test func `sliding windows are kept when the grace period changes`() throws {
        let fixture = try fixture()
        for (round, grace) in ([0, 3_600, 60, 86_400] as [Int64]).enumerated() {
            try fixture.write("clicks", "a", "x", at: Self.start + 1_000)
            let windows = TimeWindows.sliding(.seconds(10), grace: .seconds(grace))
            #expect(try run(Self.windows(windows), on: fixture) == 0)
            #expect(try values(fixture).last == "\(round + 1)")
        }
    }

    @Test func `sessions are kept when the grace period and the emit strategy change`() throws {
        let fixture = try fixture()
        for (round, grace) in ([0, 7_200, 60, 86_400] as [Int64]).enumerated() {
            try fixture.write("clicks", "a", "x", at: Self.start + Int64(round) * 1_000)
            #expect(try run(Self.sessions(grace: .seconds(grace)), on: fixture) == 0)
            #expect(try values(fixture).last == "\(round + 1)")
        }
        try fixture.write("clicks", "b", "x", at: Self.start + 200_000_000)
        try run(Self.sessions(grace: .zero, emit: .onWindowClose), on: fixture)
        #expect(try values(fixture).last == "4")
    }

    @Test func `a join whose windows change finds the records in its stores`() throws {
        let fixture = try fixture()
        try fixture.write("clicks", "k", "l", at: Self.start)
        try run(Self.join(difference: .seconds(600), grace: .zero), on: fixture)
        for (round, difference) in ([1_000, 86_400, 5] as [Int64]).enumerated() {
            try fixture.write("others", "k", "r\(round)", at: Self.start + 1_000)
            #expect(
                try run(Self.join(difference: .seconds(difference), grace: .seconds(7_200)), on: fixture) == 0)
        }
        #expect(try values(fixture) == ["l+r0", "l+r1", "l+r2"])
    }

    // MARK: Rejected changes

    private enum Definition: String, CaseIterable {
        case count, text, window, shorterWindow, session, versioned, plain

        func topology() throws -> Topology {
            switch self {
            case .window: return try windows(.tumbling(.seconds(3_600), grace: .zero))
            case .shorterWindow: return try windows(.tumbling(.seconds(1_800), grace: .zero))
            case .session: return try sessions(grace: .zero)
            default: break
            }
            return try Topology { streams in
                let clicks = streams.stream(clicks)
                switch self {
                case .count:
                    clicks.groupByKey().count(as: TableStoreName<String, Int64>("store")).toStream()
                        .mapValues { "\($0 ?? 0)" }.to(out)
                case .text:
                    clicks.groupByKey()
                        .aggregate("", as: TableStoreName<String, String>("store")) { $0 += $2 }
                        .toStream().mapValues { $0 ?? "" }.to(out)
                default:
                    clicks.toTable(as: rows(history: self == .versioned ? .seconds(60) : nil)).toStream().mapValues {
                        $0 ?? ""
                    }.to(out)
                }
            }
        }

        /// Definitions that can read each other's rows.
        func isLike(_ other: Definition) -> Bool { self == other || Set([self, other]) == [.text, .plain] }
    }

    @Test(arguments: [false, true])
    func `a store of another kind is rejected before it changes a row`(losesState: Bool) throws {
        for before in Definition.allCases {
            for after in Definition.allCases where !after.isLike(before) {
                let fixture = try fixture()
                try fixture.write("clicks", "a", "x", at: Self.start)
                try run(before.topology(), on: fixture)
                if losesState { try FileManager.default.removeItem(atPath: fixture.directory) }
                let error = #expect(throws: (any Error).self, "\(before) to \(after)") {
                    try run(after.topology(), on: fixture)
                }
                let sentence = "\(error.map { "\($0)" } ?? "")"
                #expect(sentence.contains("store"), "\(before) to \(after): \(sentence)")
                #expect(sentence.contains("delete") && sentence.contains("keep the definition"), "\(sentence)")
                try fixture.write("clicks", "a", "y", at: Self.start + 1)
                try run(before.topology(), on: fixture)  // The old definition still works.
            }
        }
    }

    @Test func `a store without a changelog is rejected as well`() throws {
        let fixture = try fixture()
        func topology(_ isText: Bool) throws -> Topology {
            try Topology { streams in
                let grouped = streams.stream(Self.clicks).groupByKey()
                if isText {
                    let store = TableStoreName<String, String>("store")
                    _ = grouped.aggregate("", as: Materialized(store, isLogged: false)) { $0 += $2 }
                } else {
                    _ = grouped.count(as: Materialized(TableStoreName("store"), isLogged: false))
                }
            }
        }
        try fixture.write("clicks", "a", "x", at: Self.start)
        try run(topology(false), on: fixture)
        let error = #expect(throws: StateError.self) { try run(topology(true), on: fixture) }
        guard case .changed(store: "store", _, let was, let wanted) = error else {
            Issue.record("unexpected error: \(String(describing: error))")
            return
        }
        #expect(was == "a timestamped key-value store of utf8 to int64")
        #expect(wanted == "a timestamped key-value store of utf8 to utf8")
    }

    @Test(arguments: [true, false])
    func `the application ends with the explanation, whatever its handler returns`(isLogged: Bool) async throws {
        let fixture = try fixture()
        try fixture.write("clicks", "a", "x", at: Self.start)
        func app(_ topology: Topology) -> StreamsApplication {
            var configuration = StreamsConfiguration()
            configuration.onUncaughtError = { _ in .replaceThread }
            return StreamsApplication(
                id: "app", topology: topology, cluster: .cluster(fixture.cluster, stateDirectory: fixture.directory),
                configuration: configuration)
        }
        func topology(_ isVersioned: Bool) throws -> Topology {
            try Topology { streams in
                streams.stream(Self.clicks)
                    .toTable(as: rows(history: isVersioned ? .seconds(60) : nil, isLogged: isLogged))
                    .toStream().mapValues { $0 ?? "" }.to(Self.out)
            }
        }
        let first = app(try topology(false))
        try await first.started()
        #expect(try eventually { try values(fixture).count == 1 })
        try await first.stopped()
        let second = app(try topology(true))
        let error = await #expect(throws: (any Error).self) { try await second.run() }
        #expect(second.state == .error)
        let sentence = "\(try #require(error))"
        #expect(sentence.contains("store as a timestamped key-value store") && sentence.contains("keep the definition"))
    }

    @Test func `a table that can be rebuilt from its topic is rebuilt as another kind`() throws {
        let fixture = try fixture()
        func topology(_ history: Duration?) throws -> Topology {
            try Topology(TopologyOptions(optimizations: [.reuseSourceTopics])) { streams in
                let table = streams.table(Self.others, as: rows(history: history))
                streams.stream(Self.clicks).join(table) { "\($0)+\($1)" }.to(Self.out)
            }
        }
        try fixture.write("others", "k", "row", at: Self.start)
        for (round, history) in ([nil, .seconds(60), nil] as [Duration?]).enumerated() {
            try fixture.write("clicks", "k", "\(round)", at: Self.start + 1 + Int64(round))
            try run(topology(history), on: fixture)
        }
        let found = try values(fixture)
        #expect(found == ["0+row", "1+row", "2+row"])
    }
}

/// A store of rows, versioned or not.
private func rows(history: Duration?, isLogged: Bool = true) -> any TableMaterialization<String, String> {
    guard let history else { return Materialized(TableStoreName("store"), isLogged: isLogged) }
    return Materialized(VersionedStoreName("store", historyRetention: history), isLogged: isLogged)
}
