import ArgumentParser
import ExampleSupport
import Foundation
import Moldau
import MoldauCluster
import Synchronization

/// `bench latency`: measures the time from the append of a word until its count can be read.
struct Latency: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures how long a word takes from its append until its count is readable, in w1's topology.",
        discussion: """
            Words are appended at a steady rate, with the wall clock's time as their timestamp. A count has the timestamp of \
            its word, so that a reader of committed records sees how old it is: to the millisecond.
            """)

    @Option(help: "Words per second.")
    var rate = 50_000

    @Option(help: "How long words are appended. Those of the first two seconds are left out.")
    var seconds = 12

    @Option(help: "Milliseconds between commits.")
    var commitInterval = 100

    @Option(help: "exactly-once or at-least-once.")
    var guarantee = Guarantee.exactlyOnce

    @Option(help: "sync, os, or a number of milliseconds within which what is acknowledged is on disk.")
    var durability = DurabilityOption(argument: "sync")!

    @Option(help: "Where topics and state lie while it runs.")
    var scratch = FileManager.default.temporaryDirectory.path

    private static let warmUp = 2
    private static let vocabulary = 10_000

    func validate() throws {
        if rate < 1_000 { throw ValidationError("--rate is at least 1000") }
        if seconds <= Self.warmUp { throw ValidationError("--seconds is more than \(Self.warmUp)") }
        if commitInterval < 1 { throw ValidationError("--commit-interval is at least 1 millisecond") }
    }

    func run() throws {
        EngineOptions.quieten()
        try withScratchCluster(in: scratch, durability.durability) { cluster, stateDirectory in
            let admin = try cluster.makeAdmin()
            try admin.create([Workload.lines.name, Workload.counts.name].map { NewTopic($0, partitionCount: 1) })
            var configuration = StreamsConfiguration()
            configuration.guarantee = guarantee.processing
            configuration.commitInterval = .milliseconds(commitInterval)
            let app = StreamsApplication(
                id: "bench", topology: try Workload.w1.topology(TopologyOptions()),
                cluster: .cluster(cluster, stateDirectory: stateDirectory), configuration: configuration)
            try app.start()
            let ages = AgeHistogram()
            let reader = try Reader(cluster, expecting: rate * seconds, from: Self.warmUp * rate, into: ages)
            Thread.detachNewThread { reader.readAll() }
            try append(to: cluster)
            guard reader.finished.wait(timeout: .now() + 30) == .success else {
                throw ValidationError("\(rate * seconds) counts were expected; not all came within 30 seconds")
            }
            try app.stop()
            print(
                "latency rate \(rate) commit_interval_ms \(commitInterval) counts \(ages.count)",
                "p50_ms \(ages.percentile(0.5)) p99_ms \(ages.percentile(0.99)) max_ms \(ages.percentile(1))")
        }
    }

    private func append(to cluster: EmbeddedCluster) throws {
        let producer = try cluster.makeProducer(clientID: "bench")
        var builder = RecordBatchBuilder()
        var random = SeededGenerator(seed: 1)
        let pace = Pace(perSecond: rate, total: rate * seconds)
        var sent = 0
        while sent < pace.total {
            let due = pace.due
            guard due > sent else {
                Thread.sleep(forTimeInterval: 0.001)
                continue
            }
            builder.reset()
            let now = EmbeddedCluster.systemClock()
            while sent < due && builder.recordCount < 1_000 {
                var word = "word\(Int.random(in: 0..<Self.vocabulary, using: &random))"
                word.withUTF8 { builder.append(key: nil, value: UnsafeRawBufferPointer($0), timestamp: now) }
                sent += 1
            }
            try producer.send(builder.finish(), to: TopicPartition(Workload.lines.name, 0))
        }
        try producer.flush()
        producer.close()
    }

    /// Reads counts on a thread of its own, until all have arrived.
    private final class Reader: @unchecked Sendable {  // Unchecked: after `init` the one thread of `readAll` uses it.
        let finished = DispatchSemaphore(value: 0)
        private let consumer: any Consumer
        private let expected: Int
        private let first: Int
        private let ages: AgeHistogram

        init(_ cluster: any ClusterPort, expecting expected: Int, from first: Int, into ages: AgeHistogram) throws {
            consumer = try cluster.makeConsumer(clientID: "bench-reader")
            (self.expected, self.first, self.ages) = (expected, first, ages)
            let counts = TopicPartition(Workload.counts.name, 0)
            try consumer.assign([counts])
            try consumer.seek(counts, to: .zero)
        }

        func readAll() {
            var seen = 0
            do {
                while seen < expected {
                    for batches in try consumer.poll(wait: .milliseconds(50)) {
                        let now = EmbeddedCluster.systemClock()
                        var records = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
                        while let record = try records.next() {
                            if seen >= first { ages.add(Int(now.ms - record.timestamp.ms)) }
                            seen += 1
                        }
                    }
                }
                finished.signal()
            } catch { FileHandle.standardError.write(Data("the reader failed: \(error)\n".utf8)) }
        }
    }
}

/// How many counts had each age in milliseconds; all ages from ten seconds on are counted together.
final class AgeHistogram: Sendable {
    private let counts = Mutex([Int](repeating: 0, count: 10_001))

    func add(_ ms: Int) { counts.withLock { $0[min(max(ms, 0), 10_000)] += 1 } }

    var count: Int { counts.withLock { $0.reduce(0, +) } }

    /// The smallest age that this share of counts does not exceed.
    func percentile(_ share: Double) -> Int {
        counts.withLock { counts in
            let wanted = max(1, Int((share * Double(counts.reduce(0, +))).rounded(.up)))
            var seen = 0
            return counts.firstIndex {
                seen += $0; return seen >= wanted
            } ?? 0
        }
    }
}
