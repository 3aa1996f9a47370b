import ArgumentParser
import Foundation
import MoldauClient
import MoldauRecords
import Synchronization

/// `moldau perf produce`.
struct PerfProduce: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "produce", abstract: "Writes made-up records, and says how fast, in the format of Kafka's tool.",
        discussion: """
            Latencies are the times from taking a record to its acknowledgement. Settings say how records are produced: \
            --command-property acks=1 --command-property compression.type=lz4, for example.
            """)

    @OptionGroup var place: ClusterPlace

    @Option(help: "The topic.")
    var topic: String

    @Option(help: "How many records.")
    var numRecords: Int

    @Option(help: "The bytes of each record's value.")
    var recordSize = 100

    @Option(parsing: .unconditional, help: "The most records per second; -1 for no limit.")
    var throughput = -1

    @Option(help: "Produce in transactions, under this id.")
    var transactionalId: String?

    @Option(help: "How long each transaction is.")
    var transactionDurationMs = 3_000

    @Flag(help: "Send the records one by one, as typed values, instead of many at once as bytes.")
    var each = false

    @OptionGroup var form: OutputForm

    func validate() throws {
        if numRecords < 1 { throw ValidationError("--num-records is at least 1") }
        if recordSize < 0 { throw ValidationError("--record-size is not negative") }
        if throughput == 0 || throughput < -1 { throw ValidationError("--throughput is at least 1, or -1") }
        if transactionDurationMs < 1 { throw ValidationError("--transaction-duration-ms is at least 1") }
    }

    func run() throws {
        try place.withClient { [self] settings in
            let topics = try AdminClient(cluster: settings.client, options: settings.admin)
            let name = topic
            let found = Result { try waiting { try await topics.describeTopics([name]).all() } }
            try waiting { await topics.close() }
            _ = try found.get()
            var options = settings.producer
            options.transactionalID = transactionalId ?? options.transactionalID
            let load = try ProduceLoad(self, settings.client, options)
            let outcome = Result { try waiting { try await load.run() } }
            try waiting { await load.close() }
            try report(try outcome.get())
        }
    }

    private func report(_ done: ProduceLoad.Done) throws {
        let output = LineOutput()
        let rate = Double(numRecords) / done.times.wall
        let megabytes = rate * Double(recordSize) / Double(1 << 20)
        if form.isJSON {
            var object: [String: Any] = [
                "records": numRecords, "seconds": done.times.wall, "cpuSeconds": done.times.cpu,
                "recordsPerSecond": rate, "megabytesPerSecond": megabytes, "averageLatencyMs": done.latencies.meanMs,
                "maxLatencyMs": done.latencies.longest * 1_000,
            ]
            for (name, share) in ProduceLoad.percentiles {
                object["latencyMs\(name)"] = done.latencies.percentileMs(share)
            }
            try output.write(json: object)
        } else {
            let percentiles = ProduceLoad.percentiles.map { name, share in
                "\(ProduceLoad.text(done.latencies.percentileMs(share))) ms \(name)th"
            }
            try output.write(
                ProduceLoad.line(numRecords, done.times.wall, recordSize, done.latencies) + ", "
                    + percentiles.joined(separator: ", ") + ".")
        }
        try output.flush()
    }
}

/// Produces, and notes how long that takes.
final class ProduceLoad: Sendable {
    /// The results so far.
    struct Done: Sendable {
        let times: ProcessTimes
        let latencies: LatencyHistogram
    }

    static let percentiles = [("50", 0.5), ("95", 0.95), ("99", 0.99), ("99.9", 0.999)]

    /// Records that share a batch, and when each of them was enqueued.
    private struct Taken: Sendable {
        let first: Acknowledgement
        var times: [(seconds: Double, count: Int)]
    }

    private struct Progress {
        var all = LatencyHistogram()
        var recent = LatencyHistogram()
        var failure: (any Error)?
    }

    private static let reportingSeconds = 5.0

    private let command: PerfProduce
    private let producer: Producer<[UInt8]?, [UInt8]>
    private let isTransactional: Bool
    private let recordSize: Int
    private let progress = Mutex(Progress())
    /// Random letters; the content of each record is a slice of them.
    private let letters: [UInt8]

    init(_ command: PerfProduce, _ cluster: ClientOptions, _ options: ProducerOptions) throws {
        self.command = command
        producer = try Producer(to: Topic<[UInt8]?, [UInt8]>(command.topic), cluster: cluster, options: options)
        (isTransactional, recordSize) = (options.transactionalID != nil, command.recordSize)
        var generator = SeededGenerator(seed: 1)
        letters = (0..<(command.recordSize + 65_536)).map { _ in UInt8.random(in: 65...90, using: &generator) }
    }

    func close() async { await producer.close() }

    func run() async throws -> Done {
        if isTransactional { try await producer.initTransactions() }
        // Connects and fetches metadata before the measurement starts.
        try await producer.withAppender { _ in }
        let begin = ProcessTimes.now
        try await withThrowingDiscardingTaskGroup { group in
            var sender = Sender(begin: begin, load: self)
            while sender.sent < command.numRecords {
                if isTransactional {
                    let end = ProcessTimes.wallNow + Double(command.transactionDurationMs) / 1_000
                    try await producer.transaction { _ in try await sender.send(until: end, &group) }
                } else {
                    try await sender.send(until: .infinity, &group)
                }
            }
            try await producer.flush()
        }
        let times = ProcessTimes.now.since(begin)
        let (all, failure) = progress.withLock { ($0.all, $0.failure) }
        if let failure { throw failure }
        return Done(times: times, latencies: all)
    }

    /// Sends the records, and reports progress. Used by one task.
    private struct Sender {
        let begin: ProcessTimes
        let load: ProduceLoad
        private(set) var sent = 0
        private var batches: [Partition: Taken] = [:]
        private var (reported, reportedAt): (Int, Double)

        init(begin: ProcessTimes, load: ProduceLoad) {
            (self.begin, self.load) = (begin, load)
            (reported, reportedAt) = (0, begin.wall)
        }

        mutating func send(until end: Double, _ group: inout ThrowingDiscardingTaskGroup<any Error>) async throws {
            while sent < load.command.numRecords, ProcessTimes.wallNow < end {
                if let failure = load.progress.withLock(\.failure) { throw failure }
                let some = allowed()
                if some == 0 {
                    try await Task.sleep(for: .milliseconds(1))
                } else if load.command.each {
                    try await enqueueEach(some, &group)
                } else {
                    try await append(some, &group)
                }
                report()
            }
            for taken in batches.values { load.await(taken, &group) }
            batches = [:]
        }

        /// How many records may be sent now.
        private func allowed() -> Int {
            let left = min(load.command.numRecords - sent, 1_000)
            guard load.command.throughput > 0 else { return left }
            let due = (ProcessTimes.wallNow - begin.wall) * Double(load.command.throughput)
            return max(min(left, Int(due) - sent), 0)
        }

        private mutating func enqueueEach(
            _ count: Int, _ group: inout ThrowingDiscardingTaskGroup<any Error>
        ) async throws {
            let (load, end) = (load, sent + count)
            while sent < end {
                let begin = ProcessTimes.wallNow
                let first = try await load.producer.enqueue(nil, Array(load.letters[load.place(sent)]))
                var (taken, other): (Int, Acknowledgement?) = (1, nil)
                while other == nil, sent + taken < end {
                    let next = try await load.producer.enqueue(nil, Array(load.letters[load.place(sent + taken)]))
                    if next.sharesBatch(with: first) { taken += 1 } else { other = next }
                }
                take(first, taken, at: begin, &group)
                if let other { take(other, 1, at: ProcessTimes.wallNow, &group) }
            }
        }

        private mutating func append(
            _ count: Int, _ group: inout ThrowingDiscardingTaskGroup<any Error>
        ) async throws {
            let now = ProcessTimes.wallNow
            let (load, first) = (load, sent)
            // Neighbours mostly share a batch, so that the cost per record is the producer's own work.
            let (taken, runs) = try await load.producer.withAppender { appender in
                var (taken, runs): (Int, [(first: Acknowledgement, count: Int)]) = (0, [])
                try load.letters.withUnsafeBytes { letters in
                    while taken < count {
                        let value = UnsafeRawBufferPointer(rebasing: letters[load.place(first + taken)])
                        guard let one = try appender.append(key: nil, value: value) else { break }
                        taken += 1
                        if let last = runs.indices.last, runs[last].first.sharesBatch(with: one) {
                            runs[last].count += 1
                        } else {
                            runs.append((one, 1))
                        }
                    }
                }
                return (taken, runs)
            }
            for run in runs { take(run.first, run.count, at: now, &group) }
            if taken < count { try await load.producer.waitForRoom() }
        }

        private mutating func take(
            _ acknowledgement: Acknowledgement, _ count: Int, at time: Double,
            _ group: inout ThrowingDiscardingTaskGroup<any Error>
        ) {
            sent += count
            let partition = acknowledgement.partition.partition
            if batches[partition]?.first.sharesBatch(with: acknowledgement) ?? false {
                batches[partition]?.times.append((time, count))
                return
            }
            let before = batches.updateValue(
                Taken(first: acknowledgement, times: [(time, count)]), forKey: partition)
            if let before { load.await(before, &group) }
        }

        private mutating func report() {
            let now = ProcessTimes.wallNow
            guard now - reportedAt >= ProduceLoad.reportingSeconds, !load.command.form.isJSON else { return }
            let recent = load.progress.withLock { progress in
                defer { progress.recent = LatencyHistogram() }
                return progress.recent
            }
            LineOutput.tell(
                ProduceLoad.line(sent - reported, now - reportedAt, load.command.recordSize, recent) + ".")
            (reported, reportedAt) = (sent, now)
        }
    }

    private func await(_ taken: Taken, _ group: inout ThrowingDiscardingTaskGroup<any Error>) {
        group.addTask { [self] in
            let result: Result<Void, any Error>
            do {
                _ = try await taken.first.position()
                result = .success(())
            } catch {
                result = .failure(error)
            }
            let now = ProcessTimes.wallNow
            progress.withLock { progress in
                if case .failure(let error) = result, progress.failure == nil { progress.failure = error }
                for (time, count) in taken.times {
                    progress.all.add(now - time, times: count)
                    progress.recent.add(now - time, times: count)
                }
            }
        }
    }

    /// The range of letters of a record.
    private func place(_ record: Int) -> Range<Int> {
        let start = record &* 7_919 % 65_536
        return start..<start + recordSize
    }

    /// Formatted like the output of Kafka's kafka-producer-perf-test, without the final full stop.
    static func line(_ count: Int, _ seconds: Double, _ size: Int, _ latencies: LatencyHistogram) -> String {
        let rate = seconds > 0 ? Double(count) / seconds : 0
        return
            "\(count) records sent, \(text(rate)) records/sec (\(text(rate * Double(size) / Double(1 << 20))) MB/sec), "
            + "\(text(latencies.meanMs)) ms avg latency, \(text(latencies.longest * 1_000)) ms max latency"
    }

    static func text(_ number: Double) -> String { String(format: "%.2f", number) }
}
