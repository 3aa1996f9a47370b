import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Testing

/// Results that wait until a time has passed must not depend on how often the application is restarted between its
/// records.
struct RestartAgreementTests {
    enum Waiting: CaseIterable {
        case leftJoin, outerJoin, selfJoin, graceJoin, suppression, windowSuppression

        var topology: Topology {
            get throws {
                let options = TopologyOptions(optimizations: [.singleStoreSelfJoin])
                return try Topology(options) { streams in
                    let (left, right) = (streams.stream(StreamJoinTests.left), streams.stream(StreamJoinTests.right))
                    let windows = JoinWindows(
                        before: .milliseconds(8), after: .milliseconds(4), grace: .milliseconds(5))
                    let results: KStream<String, String> =
                        switch self {
                        case .leftJoin: left.leftJoin(right, within: windows) { $0 + ($1 ?? "-") }
                        case .outerJoin: left.outerJoin(right, within: windows) { ($0 ?? "-") + ($1 ?? "-") }
                        case .selfJoin: left.outerJoin(left, within: windows) { ($0 ?? "-") + ($1 ?? "-") }
                        case .graceJoin:
                            left.leftJoin(
                                right.toTable(as: VersionedStoreName("right", historyRetention: .milliseconds(20))),
                                grace: .milliseconds(5)
                            ) { $0 + ($1 ?? "-") }
                        case .suppression:
                            left.merge(right).toTable(as: TableStoreName("rows"))
                                .suppress(.untilTimeLimit(.milliseconds(5))).toStream().mapValues { $0 ?? "-" }
                        case .windowSuppression:
                            left.merge(right).groupByKey()
                                .windowedBy(.tumbling(.milliseconds(10), grace: .milliseconds(3))).reduce(+)
                                .suppress(.untilWindowCloses()).toStream { $0.key + "\($1 ?? "-")" }
                                .mapValues { $0 ?? "-" }
                        }
                    results.to(StreamJoinTests.out)
                }
            }
        }
    }

    private struct Input {
        let (topic, key, value): (String, String, String)
        let time: Int64
    }

    /// Time advances in steps, with records that are late by up to twice the windows.
    private func inputs(seed: UInt64) -> [Input] {
        var generator = SeededGenerator(seed: seed)
        var clock: Int64 = 50
        return (0..<24).map { number in
            clock += Int64.random(in: 0...7, using: &generator)
            let late: Int64 = Bool.random(using: &generator) ? 0 : .random(in: 0...30, using: &generator)
            return Input(
                topic: Bool.random(using: &generator) ? "left" : "right",
                key: Bool.random(using: &generator) ? "a" : "b", value: "\(number)", time: clock - late)
        }
    }

    private struct Sent: Equatable, CustomStringConvertible {
        var result: String
        /// The greatest time of the inputs when the result was sent.
        var streamTime: Int64
        var time: Int64

        var description: String { "\(result)@\(time), sent at \(streamTime)" }
        var isUnmatched: Bool { result.contains("-") }
    }

    private func results(
        _ waiting: Waiting, _ inputs: [Input], restartsBefore: Set<Int>, keepsDisk: Bool
    ) throws -> [Sent] {
        let fixture = try ClusterFixture()
        try fixture.create(["left": 1, "right": 1, "out": 1])
        var thread: StreamThread?
        var sent: [Sent] = []
        for (number, input) in inputs.enumerated() {
            // More than a second between records: closed windows are searched for with each one.
            let now = Int64(number) * 2_000
            try fixture.write(input.topic, input.key, input.value, at: input.time)
            if restartsBefore.contains(number) {
                try thread?.stop(now: Timestamp(ms: now))
                thread = nil
            }
            let running = try thread ?? fixture.thread(try waiting.topology, now: now, inMemory: !keepsDisk)
            try running.runUntilIdle(now: now)
            try running.commit(now: Timestamp(ms: now))
            thread = running
            let streamTime = inputs[...number].map(\.time).max() ?? 0
            for record in try fixture.read(StreamJoinTests.out).dropFirst(sent.count) {
                sent.append(
                    Sent(
                        result: "\(record.key) \(record.value)", streamTime: streamTime, time: record.timestamp.ms))
            }
        }
        try thread?.stop(now: Timestamp(ms: 100_000))
        return sent
    }

    private func check(
        _ waiting: Waiting, keepsDisk: Bool, _ compare: (_ found: [Sent], _ expected: [Sent]) -> Void
    ) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            let inputs = inputs(seed: seed)
            let expected = try results(waiting, inputs, restartsBefore: [], keepsDisk: keepsDisk)
            #expect(!expected.isEmpty)
            for restarts in [Set(1..<inputs.count), [inputs.count / 2]] {
                compare(try results(waiting, inputs, restartsBefore: restarts, keepsDisk: keepsDisk), expected)
            }
        }
    }

    @Test(arguments: [Waiting.selfJoin, .graceJoin, .suppression, .windowSuppression], [true, false])
    func `results and their times do not depend on restarts`(waiting: Waiting, keepsDisk: Bool) throws {
        try check(waiting, keepsDisk: keepsDisk) { found, expected in #expect(found == expected) }
    }

    /// As in Kafka Streams, a result without a match may be sent some time after its window has ended, because records
    /// are searched only when the last one seen may have expired. A restart forgets that one, so the result may be sent
    /// earlier, before another late match.
    @Test(arguments: [Waiting.leftJoin, .outerJoin], [true, false])
    func `a result without a match is neither lost nor duplicated, and is sent after its window ends`(
        waiting: Waiting, keepsDisk: Bool
    ) throws {
        try check(waiting, keepsDisk: keepsDisk) { found, expected in
            #expect(found.filter { !$0.isUnmatched } == expected.filter { !$0.isUnmatched })
            let unmatched = found.filter(\.isUnmatched)
            #expect(Set(unmatched.map(\.result)).count == unmatched.count)
            for result in expected where result.isUnmatched {
                #expect(unmatched.contains { $0.result == result.result && $0.streamTime <= result.streamTime })
            }
            // A left record may find matches until 4 ms later, a right one until 8 ms later; later records without a
            // match are sent at once.
            for result in unmatched {
                let latest = result.time + (result.result.hasSuffix("-") ? 4 : 8)
                let isLate = expected.contains(result)
                #expect(latest + 5 < result.streamTime || isLate && latest < result.streamTime, "\(result)")
            }
        }
    }
}
