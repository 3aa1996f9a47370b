import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import Testing

/// Samples ten seconds apart.
struct LagWindowTests {
    private func place(_ committed: Int64, _ end: Int64) -> GroupProgress.Place {
        GroupProgress.Place(committed: Offset(committed), end: Offset(end))
    }

    /// The window after samples of committed offsets and ends.
    private func window(_ samples: [(Int64, Int64)], isRead: Bool = true) throws -> LagWindow {
        let first = try #require(samples.first)
        var window = LagWindow(place(first.0, first.1), at: .zero)
        for (index, sample) in samples.enumerated().dropFirst() {
            window.add(place(sample.0, sample.1), isRead: isRead, at: .seconds(10 * index))
        }
        return window
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let samples: [(Int64, Int64)]
        var isRead = true
        let judgement: LagJudgement?
        let reason: String
    }

    @Test(arguments: [
        Case(
            testDescription: "nothing is left", samples: [(9, 9)], judgement: .ok,
            reason: "it has read everything"),
        Case(
            testDescription: "too few samples", samples: [(1, 9), (2, 9)], judgement: nil,
            reason: "2 of 3 samples: a judgement needs more"),
        Case(
            testDescription: "a backlog shrinks", samples: [(10, 100), (40, 110), (60, 140)], judgement: .ok,
            reason: "it keeps up; 80 offsets are left"),
        Case(
            testDescription: "everything was read once", samples: [(10, 20), (30, 30), (30, 50), (35, 70)],
            judgement: .ok, reason: "it keeps up; 35 offsets are left"),
        Case(
            testDescription: "the lag grows", samples: [(10, 20), (20, 40), (30, 60)], judgement: .warning,
            reason: "its lag went from 10 to 30 within 20 s, and never became smaller"),
        Case(
            testDescription: "the lag stays constant while it reads", samples: [(10, 20), (20, 30), (30, 40)],
            judgement: .warning, reason: "its lag went from 10 to 10 within 20 s, and never became smaller"),
        Case(
            testDescription: "it has members but makes no progress", samples: [(10, 11), (10, 11), (10, 11)],
            judgement: .stall, reason: "it is in the group, but stays at offset 10; 1 offset is left"),
        Case(
            testDescription: "no members", samples: [(10, 20), (10, 20), (10, 25)], isRead: false,
            judgement: .stop, reason: "nothing was committed for 20 s; 15 offsets are left"),
        Case(
            testDescription: "no members any more, after it was up to date",
            samples: [(5, 10), (10, 10)] + (0..<10).map { _ in (10, 12) }, isRead: false, judgement: .stop,
            reason: "nothing was committed for 100 s; 2 offsets are left"),
        Case(
            testDescription: "no commits, but it was up to date a moment ago",
            samples: [(5, 10), (10, 10), (10, 10), (10, 12)], isRead: false, judgement: .ok,
            reason: "it keeps up; 2 offsets are left"),
        Case(
            testDescription: "no members, but offsets are committed",
            samples: [(10, 100), (40, 110), (60, 140)], isRead: false, judgement: .ok,
            reason: "it keeps up; 80 offsets are left"),
        Case(
            testDescription: "its offset is reset", samples: [(80, 100), (90, 100), (0, 100), (10, 100)],
            judgement: .rewind, reason: "its offset went back from 90 to 0; 90 offsets are left"),
        Case(
            testDescription: "the partition ends before the committed offset", samples: [(80, 10)], judgement: .ok,
            reason: "it has read everything"),
    ])
    func `judges by the last commits`(_ example: Case) throws {
        let window = try window(example.samples, isRead: example.isRead)
        #expect(window.judgement == example.judgement)
        #expect(window.reason == example.reason)
    }

    @Test func `ignores samples older than the last ten commits`() throws {
        let rewound: [(Int64, Int64)] = [(80, 500), (0, 500)]
        let lag = { (count: Int64) in (1...count).map { (10 * $0, 500 as Int64) } }
        #expect(try window(rewound + lag(8)).judgement == .rewind)
        #expect(try window(rewound + lag(9)).judgement == .ok)
        #expect(try window(rewound).complete == 0.2)
        #expect(try window(rewound + lag(20)).complete == 1)
    }

    @Test func `offsets at the ends of their range do not trap`() throws {
        let window = try window([(.min, .max), (.max, .min), (.min, .max), (-1, 0)])
        #expect(window.judgement == .ok)
    }
}

struct LagMonitorTests {
    private let words = TopicPartition("words", 0)

    private func sample(_ names: [String], _ committed: Int64) -> [GroupProgress] {
        names.map { name in
            GroupProgress(
                group: name, hasMembers: true,
                partitions: [words: GroupProgress.Place(committed: Offset(committed), end: Offset(9))])
        }
    }

    @Test func `a group's judgement is that of its worst partition`() throws {
        var monitor = LagMonitor()
        for second in 0..<3 {
            var groups = sample(["readers"], 3)
            groups[0].partitions[TopicPartition("words", 1)] = GroupProgress.Place(
                committed: Offset(Int64(second) * 2), end: Offset(8))
            monitor.add(groups, at: .seconds(10 * second))
        }
        let group = try #require(monitor.report.groups.first)
        #expect(group.partitions.map(\.judgement) == [.stall, .ok])
        #expect(group.judgement == .stall)
        #expect(group.lag == 6 + 4)
    }

    @Test func `groups that disappear are forgotten, and start over when they return`() {
        var monitor = LagMonitor()
        for second in 0..<3 { monitor.add(sample(["a", "b"], 3), at: .seconds(second)) }
        monitor.add(sample(["b"], 3), at: .seconds(3))
        #expect(monitor.report.groups.map(\.group) == ["b"])
        monitor.add(sample(["a", "b"], 3), at: .seconds(4))
        #expect(monitor.report.groups.map(\.judgement) == [nil, .stall])
    }
}

struct GroupProgressTests {
    @Test func `a cluster reports the progress of groups and whether they have members`() throws {
        let cluster = try EmbeddedCluster(inMemoryWithClock: { Timestamp(ms: 1_000) })
        let words = TopicPartition("words", 0)
        let gone = TopicPartition("gone", 0)
        let admin = try cluster.makeAdmin()
        try admin.create([NewTopic("words", partitionCount: 1), NewTopic("gone", partitionCount: 1)])
        let producer = try cluster.makeProducer(clientID: "writer")
        try producer.send(["a", "b", "c"], to: words)
        try producer.send(["a"], to: gone)
        try producer.flush()
        let reader = try cluster.makeConsumer(ConsumerOptions(clientID: "reader", group: "readers"))
        try reader.commit([words: CommittedOffset(Offset(1)), gone: CommittedOffset(.zero)])
        try admin.delete(["gone"])
        let expected = GroupProgress(
            group: "readers", hasMembers: false,
            partitions: [words: GroupProgress.Place(committed: Offset(1), end: Offset(3))])
        #expect(try admin.progress(of: nil) == [expected])
        #expect(try admin.progress(of: ["readers", "nobody"]) == [expected])
        #expect(try admin.progress(of: ["nobody"]).isEmpty)
        let membership = try cluster.join(group: "readers", IdleWorker())
        #expect(try admin.progress(of: nil).map(\.hasMembers) == [true])
        membership.leave()
        #expect(try admin.progress(of: nil).map(\.hasMembers) == [false])
    }
}
