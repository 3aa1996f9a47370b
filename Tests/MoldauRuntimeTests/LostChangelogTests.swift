import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import Testing

/// Changelogs that lose records at their ends, as after a power loss, while the stores keep everything. What the
/// changelog lacks is appended to it again: a store that is restored from it then gives the same results.
struct LostChangelogTests {
    enum Kind: CaseIterable {
        case windows, closedWindows, sessions, closedSessions, suppressedWindows, suppressedRows, versions,
            joinedWindows

        /// Counts `clicks` in some way, or joins them with `rows`.
        func topology() throws -> Topology {
            let clicks = Topic<String, String>("clicks")
            let out = Topic<String, String>("out")
            return try Topology { streams in
                let grouped = streams.stream(clicks).groupByKey()
                @Sendable func text<Key>(_ key: Key, _ count: Int64?) -> String {
                    "\(key): \(count.map { "\($0)" } ?? "none")"
                }
                let tumbling = TimeWindows.tumbling(.milliseconds(10), grace: .milliseconds(5))
                let gap = SessionWindows.sessions(gap: .milliseconds(10), grace: .milliseconds(5))
                switch self {
                case .windows, .closedWindows:
                    grouped.windowedBy(tumbling, emit: self == .windows ? .onWindowUpdate : .onWindowClose).count()
                        .toStream().map { key, count in (key.key, text(key.window, count)) }.to(out)
                case .sessions, .closedSessions:
                    grouped.windowedBy(gap, emit: self == .sessions ? .onWindowUpdate : .onWindowClose).count()
                        .toStream().map { key, count in (key.key, text(key.window, count)) }.to(out)
                case .suppressedWindows:
                    grouped.windowedBy(tumbling).count().suppress(.untilWindowCloses())
                        .toStream().map { key, count in (key.key, text(key.window, count)) }.to(out)
                case .suppressedRows:
                    grouped.count().suppress(.untilTimeLimit(.milliseconds(10)))
                        .toStream().map { key, count in (key, text(key, count)) }.to(out)
                case .versions:
                    let rows = streams.table(
                        Topic<String, String>("rows"),
                        as: VersionedStoreName<String, String>("versions", historyRetention: .milliseconds(50)))
                    streams.stream(clicks).leftJoin(rows) { click, row in "\(click): \(row ?? "none")" }.to(out)
                case .joinedWindows:
                    streams.stream(clicks).outerJoin(
                        streams.stream(Topic<String, String>("rows")),
                        within: JoinWindows(difference: .milliseconds(10), grace: .milliseconds(5))
                    ) { click, row in "\(click ?? "none"): \(row ?? "none")" }.to(out)
                }
            }
        }
    }

    /// Runs a topology, truncates the last `lost` records of each changelog, and continues from the rest, first with
    /// the stores and then without them.
    /// - Returns: the output, and how many records the longest changelog had.
    private func run(
        _ kind: Kind, _ guarantee: ProcessingGuarantee, losing lost: Int
    ) throws -> (output: [String], count: Int) {
        let fixture = try ClusterFixture()
        try fixture.create(["clicks": 1, "out": 1, "rows": 1])
        let topology = try kind.topology()
        func run(inMemory: Bool = false) throws {
            try fixture.runWithoutTopicIDs(topology, guarantee, inMemory: inMemory)
        }
        func write(_ key: String, _ time: Int64) throws {
            try fixture.write("clicks", key, "\(key)@\(time)", at: time)
            // No row at all, one that is deleted again, one that stays.
            if key != "a" { try fixture.write("rows", key, "row@\(time)", at: time) }
            if key == "b", kind != .joinedWindows { try fixture.write("rows", key, nil, at: time + 1) }
        }
        for (key, time) in [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 8)] as [(String, Int64)] {
            try write(key, time)
            try run()
        }
        // Windows close, and held results are emitted; some of the new ones are held when the changelog is truncated.
        for (key, time) in [("b", 22), ("c", 31), ("d", 32), ("b", 33), ("a", 34)] as [(String, Int64)] {
            try write(key, time)
        }
        try run()
        var longest = 0
        for topic in try fixture.admin.topics() where topic.name.hasSuffix("-changelog") {
            let records = try fixture.read(Topic<[UInt8], [UInt8]?>(topic.name))
            longest = max(longest, records.count)
            try fixture.admin.delete([topic.name])
            try fixture.admin.create([NewTopic(topic.name, partitionCount: 1, configuration: topic.configuration)])
            for record in records.dropLast(lost) { try fixture.write(record, to: TopicPartition(topic.name, 0)) }
        }
        try run()
        for (key, time) in [("a", 35), ("d", 41), ("e", 42)] as [(String, Int64)] { try write(key, time) }
        try run(inMemory: true)
        for (key, time) in [("a", 61), ("f", 99)] as [(String, Int64)] { try write(key, time) }
        try run(inMemory: true)
        return (
            try fixture.read(Topic<String, String>("out")).map { "\($0.key) \($0.value) @\($0.timestamp)" }, longest
        )
    }

    @Test(arguments: Kind.allCases, [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `results stay the same, whatever a changelog loses`(kind: Kind, guarantee: ProcessingGuarantee) throws {
        let (expected, count) = try run(kind, guarantee, losing: 0)
        #expect(expected.count >= 5 && count >= 5, "\(expected)")
        for lost in guarantee == .exactlyOnce ? [1, count / 2, count] : [2] {
            #expect(try run(kind, guarantee, losing: lost).output == expected, "\(lost) of \(count) lost")
        }
    }
}
