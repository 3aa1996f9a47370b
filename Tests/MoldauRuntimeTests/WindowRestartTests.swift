import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Testing

/// Windows on a cluster: what is kept after a restart, and which partitions results go to.
struct WindowRestartTests {
    private let input = Topic<String, String>("input")
    private let out = Topic("out", key: Windowed<String>.serde(size: .milliseconds(10)), value: Int64.serde)

    private func topology(_ emit: EmitStrategy) throws -> Topology {
        try Topology { streams in
            streams.stream(input).groupByKey()
                .windowedBy(.tumbling(.milliseconds(10), grace: .zero), emit: emit)
                .count(as: WindowStoreName<String, Int64>("windows")).toStream().to(out)
        }
    }

    @Test(arguments: [false, true])
    func `windows are kept after a restart, with and without their disk`(keepsDisk: Bool) throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        for (round, time) in ([3, 5, 12, 7] as [Int64]).enumerated() {
            try fixture.write("input", "a", "x", at: time)
            let thread = try fixture.thread(try topology(.onWindowUpdate), inMemory: !keepsDisk)
            try thread.runUntilIdle()
            try thread.stop(now: Timestamp(ms: 0))
            #expect(thread.report.restored == (keepsDisk ? 0 : Int64(round)))
        }
        // The last record is late; Kafka Streams would have forgotten the stream time that shows it.
        #expect(
            try fixture.read(out).map { "\($0.key)=\($0.value)" } == ["[a@0/10]=1", "[a@0/10]=2", "[a@10/20]=1"])
    }

    @Test func `results that were sent on window close are not sent again after a restart`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        for time in [3, 15, 16, 200_000, 200_020] as [Int64] {
            try fixture.write("input", "a", "x", at: time)
            let thread = try fixture.thread(try topology(.onWindowClose))
            try thread.runUntilIdle()
            try thread.stop(now: Timestamp(ms: 0))
        }
        #expect(
            try fixture.read(out).map { "\($0.key)=\($0.value)" } == [
                "[a@0/10]=1", "[a@10/20]=2", "[a@200000/200010]=1",
            ])
    }

    @Test func `closed windows are searched for once a second`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        let thread = try fixture.thread(try topology(.onWindowClose))
        func sent(after time: Int64, now: Int64) throws -> Int {
            try fixture.write("input", "a", "x", at: time)
            try thread.runUntilIdle(now: now)
            try thread.commit(now: Timestamp(ms: now))
            return try fixture.read(out).count
        }
        #expect(try sent(after: 3, now: 0) == 0)
        #expect(try sent(after: 13, now: 500) == 0)
        #expect(try sent(after: 23, now: 1_000) == 2)
        try thread.stop(now: Timestamp(ms: 1_000))
    }

    @Test func `a windowed key's partition is that of the key without its window`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 4])
        for key in ["a", "b", "c", "d", "e"] {
            for time in [0, 10, 20, 30] as [Int64] { try fixture.write("input", key, "x", at: time) }
        }
        let thread = try fixture.thread(try topology(.onWindowUpdate))
        try thread.runUntilIdle()
        try thread.stop(now: Timestamp(ms: 0))
        var partitions: [String: Set<Int32>] = [:]
        for partition in 0..<4 as Range<Int32> {
            for record in try fixture.read(out, partition: partition) {
                partitions[record.key.key, default: []].insert(partition)
            }
        }
        for (key, found) in partitions {
            let expected = Array(key.utf8).withUnsafeBytes { (murmur2($0) & 0x7fff_ffff) % 4 }
            #expect(found == [expected])
        }
        #expect(partitions.count == 5)
    }
}
