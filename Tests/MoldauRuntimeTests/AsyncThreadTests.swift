import Dispatch
import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauTopology
import ProgramSupport
import Synchronization
import Testing

/// Runs closures on its own thread, because tests block the threads of Swift's pool.
final class QueueExecutor: TaskExecutor {
    private let queue = DispatchQueue(label: "asynchronous closures")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// Asynchronous operators on stream threads: what is committed, what waits, what a stop does.
struct AsyncThreadTests {
    private let out = Topic<String, String>("out")

    /// Values that begin with "slow" wait at the gate.
    private func topology(_ gate: Gate, maxInFlight: Int = 100) throws -> Topology {
        try Topology { streams in
            streams.stream(AsyncMapTests.input)
                .mapValuesAsync(maxInFlight: maxInFlight) { value in
                    if value.hasPrefix("slow") { try await gate.pass(value) }
                    return value + "!"
                }.to(out)
        }
    }

    private var configuration: StreamsConfiguration {
        var configuration = StreamsConfiguration()
        configuration.asyncExecutor = QueueExecutor()
        return configuration
    }

    private func fixture(partitions: Int32 = 1) throws -> ClusterFixture {
        let fixture = try ClusterFixture()
        try fixture.create(["input": partitions, "out": 1])
        return fixture
    }

    /// Runs rounds until `condition` holds; a round's wait, at most 10 ms, ends when a closure ends.
    private func run(_ thread: StreamThread, now: Int64 = 0, until condition: () throws -> Bool) throws {
        for _ in 0..<500 {
            if try condition() { return }
            try thread.runOnce(now: Timestamp(ms: now), wait: .milliseconds(10))
        }
        Issue.record("the condition did not hold within 500 rounds")
    }

    @Test func `a commit waits for records in flight, and no more records are taken meanwhile`() async throws {
        let (gate, fixture) = (Gate(), try fixture())
        let thread = try fixture.thread(try topology(gate), configuration: configuration)
        try fixture.write("input", "k", "fast", at: 1)
        try fixture.write("input", "k", "slow", at: 2)
        try run(thread) { gate.waiting == ["slow"] }
        try run(thread) { thread.report.inFlight.values.reduce(0, +) == 1 }
        for _ in 0..<3 { try thread.runOnce(now: Timestamp(ms: 500), wait: .zero) }
        #expect(try fixture.committed("input") == nil)
        try fixture.write("input", "k", "later", at: 3)
        for _ in 0..<3 { try thread.runOnce(now: Timestamp(ms: 501), wait: .zero) }
        #expect(thread.report.processed == 2)
        gate.open("slow")
        try run(thread, now: 502) { thread.report.commits == 1 }
        #expect(try fixture.committed("input")?.offset == Offset(2))
        #expect(try fixture.read(out).map(\.value) == ["fast!", "slow!"])
        try run(thread, now: 503) { thread.report.processed == 3 && thread.report.inFlight.isEmpty }
        try thread.stop(now: Timestamp(ms: 504))
        #expect(try fixture.read(out).map(\.value) == ["fast!", "slow!", "later!"])
        #expect(try fixture.committed("input")?.offset == Offset(3))
    }

    /// Otherwise a record without a result would be lost with the process.
    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a commit waits for records in flight also after a full disk`(guarantee: ProcessingGuarantee) throws {
        let (gate, files, log) = (Gate(), FullableFileSystem(), GatheredLog())
        let fixture = try ClusterFixture(on: files)
        try fixture.create(["input": 1, "out": 1])
        try fixture.write("input", "k", "fast", at: 1)
        try fixture.write("input", "k", "slow", at: 2)
        var configuration = self.configuration
        (configuration.guarantee, configuration.logger) = (guarantee, log.logger)
        let thread = try fixture.thread(try topology(gate), configuration: configuration)
        try thread.runOnce(now: Timestamp(ms: 0), wait: .zero)
        files.writesLeft.withLock { $0 = 0 }
        try run(thread) { gate.waiting == ["slow"] && thread.report.inFlight.values.reduce(0, +) == 1 }
        try run(thread, now: 500) { log.all.contains { $0.hasSuffix("nothing more is processed until there is room") } }
        files.writesLeft.withLock { $0 = nil }
        for _ in 0..<3 { try thread.runOnce(now: Timestamp(ms: 500), wait: .zero) }
        #expect(try fixture.committed("input") == nil)
        gate.open("slow")
        try run(thread, now: 500) { thread.report.commits == 1 }
        #expect(try fixture.committed("input")?.offset == Offset(2))
        #expect(try fixture.read(out).map(\.value) == ["fast!", "slow!"])
        try thread.stop(now: Timestamp(ms: 501))
    }

    @Test func `a task at its in-flight limit does not block other tasks of its thread`() throws {
        let (gate, fixture) = (Gate(), try fixture(partitions: 2))
        let thread = try fixture.thread(try topology(gate, maxInFlight: 1), configuration: configuration)
        try fixture.write("input", "k", "slow", at: 1)
        try fixture.write("input", "k", "behind", at: 2)
        for time in 1...5 { try fixture.write("input", "k", "other", at: Int64(time), partition: 1) }
        try run(thread) { thread.report.processed == 6 && thread.report.inFlight.values.reduce(0, +) == 1 }
        gate.open("slow")
        try run(thread) { thread.report.processed == 7 && thread.report.inFlight.isEmpty }
        try thread.stop(now: Timestamp(ms: 0))
        let values = try fixture.read(out).map(\.value)
        #expect(values.filter { $0 != "other!" } == ["slow!", "behind!"])
        #expect(values.count == 7)
    }

    @Test func `a stop cancels calls in flight and commits nothing, and the next start repeats them`() throws {
        let (gate, fixture, log) = (Gate(), try fixture(), GatheredLog())
        var logged = configuration
        logged.logger = log.logger
        let first = try fixture.thread(try topology(gate), configuration: logged)
        try fixture.write("input", "k", "slow", at: 1)
        try run(first) { gate.waiting == ["slow"] }
        #expect(try first.settleForStop(now: Timestamp(ms: 1), wait: .zero) == false)
        try first.stop(now: Timestamp(ms: 1))
        #expect(gate.cancelled == ["slow"])
        #expect(try fixture.committed("input") == nil)
        #expect(
            log.all.contains { $0.hasSuffix("records since its last commit are processed again at the next start") })
        let second = try fixture.thread(try topology(gate), configuration: configuration)
        try run(second) { gate.waiting == ["slow"] }
        gate.open("slow")
        try run(second) { second.report.inFlight.isEmpty }
        try second.stop(now: Timestamp(ms: 2))
        #expect(try fixture.read(out).map(\.value) == ["slow!"])
        #expect(try fixture.committed("input")?.offset == Offset(1))
    }

    @Test func `a failure stops the thread before the record's offset is committed`() throws {
        struct Refused: Error {}
        let (refusing, fixture) = (out, try fixture())
        let topology = try Topology { streams in
            streams.stream(AsyncMapTests.input).mapValuesAsync { (_: String) async throws -> String in throw Refused() }
                .to(refusing)
        }
        let thread = try fixture.thread(topology, configuration: configuration)
        try fixture.write("input", "k", "v", at: 1)
        #expect(throws: ProcessingFailure.self) { try run(thread) { false } }
        try thread.close()
        #expect(try fixture.committed("input") == nil)
    }

    @Test func `an application that stops waits for results in flight`() async throws {
        let (gate, fixture) = (Gate(), try fixture())
        let app = StreamsApplication(
            id: "app", topology: try topology(gate), cluster: .cluster(fixture.cluster, stateDirectory: nil),
            configuration: configuration)
        try fixture.write("input", "k", "slow", at: 1)
        let run = Task { try await app.run() }
        #expect(try await eventuallyInTasks { !gate.waiting.isEmpty })
        run.cancel()
        #expect(try await eventuallyInTasks { app.state == .pendingShutdown })
        gate.open("slow")
        try await run.value
        #expect(try fixture.read(out).map(\.value) == ["slow!"])
        #expect(try fixture.committed("input")?.offset == Offset(1))
    }
}
