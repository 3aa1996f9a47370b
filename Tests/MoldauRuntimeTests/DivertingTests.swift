import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauTesting
import MoldauTopology
import Testing

/// Records that operators drop, as a stream.
struct DivertingTests {
    struct Refused: Error {}

    private let input = Topic<String, String>("input")
    private let out = Topic<String, String>("out")
    private let aside = Topic<String, String>("aside")

    /// Pipes values in at their times and reads the results: `value@time`; for diverted records also the reason and the
    /// node's prefix.
    private func run(
        _ inputs: [(value: String, time: Int64)], other: [(value: String, time: Int64)] = [],
        _ configuration: StreamsConfiguration = StreamsConfiguration(),
        _ declare: (StreamsBuilder, KStream<String, String>) -> KStream<String, Discarded<String>>
    ) throws -> (out: [String], aside: [String], drops: [DropReason: Int64]) {
        let topology = try Topology { streams in
            declare(streams, streams.stream(input)).mapValues { "\($0.value) \($0.reason.rawValue)" }.to(aside)
        }
        let driver = try TopologyTestDriver(topology, configuration: configuration, state: .memory)
        for input in other {
            try driver.pipe(Topic<String, String>("other"), key: "k", value: input.value, at: Timestamp(ms: input.time))
        }
        for input in inputs {
            try driver.pipe(self.input, key: "k", value: input.value, at: Timestamp(ms: input.time))
        }
        func texts(_ topic: Topic<String, String>) throws -> [String] {
            try driver.read(from: topic).map { "\($0.value ?? "nil")@\($0.timestamp)" }
        }
        let drops = driver.drops.reduce(into: [:]) { $0[$1.key.reason, default: 0] += $1.value }
        return (try texts(out), try texts(aside), drops)
    }

    private func counts<Key>(_ table: KTable<Key, Int64>) {
        table.toStream { key, _ in "\(key)" }.mapValues { "\($0 ?? 0)" }.to(out)
    }

    @Test func `records that are too late for their window are diverted unchanged and counted`() throws {
        let result = try run([("a", 1), ("b", 12), ("c", 3), ("d", 15)]) { _, stream in
            let (table, late) = stream.diverting(.late) {
                $0.groupByKey().windowedBy(.tumbling(.milliseconds(10), grace: .zero)).count()
            }
            counts(table)
            return late
        }
        #expect(result.out == ["1@1", "1@12", "2@15"])
        #expect(result.aside == ["c late@3"])
        #expect(result.drops == [.late: 1])
    }

    @Test func `a record that is late for two windows is diverted once`() throws {
        let result = try run([("a", 40), ("b", 7)]) { _, stream in
            let windows = TimeWindows.hopping(.milliseconds(10), every: .milliseconds(5), grace: .zero)
            let (table, late) = stream.groupByKey().diverting { $0.windowedBy(windows).count() }
            counts(table)
            return late
        }
        #expect(result.aside == ["b late@7"])
        #expect(result.drops == [.late: 2])
    }

    @Test func `late records of sliding windows and sessions are diverted too`() throws {
        let inputs: [(String, Int64)] = [("a", 100), ("b", 3)]
        let sliding = try run(inputs) { _, stream in
            let (table, late) = stream.groupByKey().diverting(.late) {
                $0.windowedBy(.sliding(.milliseconds(10), grace: .zero)).count()
            }
            counts(table)
            return late
        }
        #expect(sliding.aside == ["b late@3"])
        let sessions = try run(inputs) { _, stream in
            let (table, late) = stream.groupByKey().diverting(.late) {
                $0.windowedBy(.sessions(gap: .milliseconds(10), grace: .zero)).count()
            }
            counts(table)
            return late
        }
        #expect(sessions.aside == ["b late@3"])
    }

    @Test func `after a key change, the diverted records are those of the repartition topic`() throws {
        let result = try run([("a", 1), ("a", 50), ("a", 2)]) { _, stream in
            let (table, late) = stream.groupBy { _, value in value + value }.diverting(.late) {
                $0.windowedBy(.tumbling(.milliseconds(10), grace: .zero)).count()
            }
            counts(table)
            return late.map { key, late in (key, Discarded(value: key + "/" + late.value, like: late)) }
        }
        #expect(result.aside == ["aa/a late@2"])
    }

    @Test func `a record that is too old for its join store is diverted, separately for each side`() throws {
        let kept = JoinWindows(difference: .milliseconds(10), grace: .zero)
        let both = try run([("a", 1), ("new", 190_001)], other: [("o", 190_000), ("late", 5)]) { streams, left in
            let right = streams.stream(Topic<String, String>("other"))
            let (inner, late) = left.diverting(.expired) { left in
                right.diverting(.expired) { right in left.join(right, within: kept) { $0 + $1 } }
            }
            inner.result.to(out)
            return late.merge(inner.aside.mapValues { Discarded(value: "right " + $0.value, like: $0) })
        }
        #expect(both.out == ["newo@190001"])
        #expect(both.aside == ["right late expired@5"])
        let late = try run([("new", 190_001), ("late", 5)]) { streams, left in
            let right = streams.stream(Topic<String, String>("other"))
            let (joined, late) = left.diverting(.expired) { $0.join(right, within: kept) { $0 + $1 } }
            joined.to(out)
            return late
        }
        #expect(late.aside == ["late expired@5"])
        #expect(late.drops == [.expired: 1])
    }

    @Test func `a record whose closure throws is diverted with the error, and the handler is not called`() throws {
        let errors = Gathered<String>()
        let result = try run([("good", 1), ("bad", 2), ("good", 3)]) { _, stream in
            let (checked, failed) = stream.diverting(.processing) {
                $0.mapValues { $0 + "!" }.filter(named: "check") { _, value in
                    if value == "bad!" { throw Refused() }
                    return true
                }
            }
            checked.to(out)
            return failed.peek { _, failed in errors.add("\(failed.node) \(failed.error.map { "\($0)" } ?? "")") }
        }
        #expect(result.out == ["good!@1", "good!@3"])
        #expect(result.aside == ["bad processing@2"])
        #expect(errors.all == ["check Refused()"])
        #expect(result.drops == [.processing: 1])
    }

    @Test func `errors outside of the diverted operators, or for other reasons, are not diverted`() throws {
        var configuration = StreamsConfiguration()
        configuration.onProcessingFailure = { _ in .skip }
        let result = try run([("bad", 2)], configuration) { _, stream in
            let (upper, failed) = stream.diverting(.processing) { $0.mapValues { $0.uppercased() } }
            upper.mapValues { (_: String) -> String in throw Refused() }.to(out)
            let (_, late) = upper.diverting(.late) { $0.mapValues { (_: String) -> String in throw Refused() } }
            return failed.merge(late)
        }
        #expect(result.aside == [])
        #expect(result.drops == [.processing: 2])
    }

    @Test func `a record whose asynchronous closure throws is diverted`() throws {
        let result = try run([("good", 1), ("bad", 2), ("good", 3)]) { _, stream in
            let (answered, failed) = stream.diverting(.processing) { stream in
                stream.mapValuesAsync { (value: String) async throws -> String in
                    await Task.yield()
                    if value == "bad" { throw Refused() }
                    return value
                }
            }
            answered.to(out)
            return failed
        }
        #expect(result.out == ["good@1", "good@3"])
        #expect(result.aside == ["bad processing@2"])
    }

    @Test func `a joiner that throws on a waiting record does not divert the current record`() throws {
        var configuration = StreamsConfiguration()
        configuration.onProcessingFailure = { _ in .skip }
        let windows = JoinWindows(difference: .milliseconds(10), grace: .zero)
        let result = try run([("bad", 1), ("good", 100)], configuration) { streams, left in
            let right = streams.stream(Topic<String, String>("other"))
            let (joined, failed) = left.diverting {
                $0.leftJoin(right, within: windows) { (left: String, right: String?) -> String in
                    if left == "bad" { throw Refused() }
                    return left + (right ?? "-")
                }
            }
            joined.to(out)
            return failed
        }
        #expect(result.aside == [])
        #expect(result.drops == [.processing: 1])
    }

    @Test func `a repartition among the diverted operators is rejected`() throws {
        #expect(throws: TopologyError.self) {
            _ = try Topology { streams in
                let (table, _) = streams.stream(input).diverting(.late) { $0.groupBy { _, value in value }.count() }
                counts(table)
            }
        }
    }
}

extension Discarded where Value == String {
    /// Another value that was dropped like `other`.
    fileprivate init(value: String, like other: Discarded) {
        self.init(value: value, reason: other.reason, node: other.node, error: other.error)
    }
}
