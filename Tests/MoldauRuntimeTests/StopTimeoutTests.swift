import Foundation
import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauTopology
import ProgramSupport
import Synchronization
import Testing

/// Stops of an application whose cluster does not respond.
struct StopTimeoutTests {
    /// Blocks calls while it is closed, but not forever, so that a test that hangs fails.
    private final class Barrier: Sendable {
        private let isOpen = Mutex(true)
        func set(open: Bool) { isOpen.withLock { $0 = open } }
        func pass() {
            let limit = ContinuousClock.now + .seconds(20)
            while !isOpen.withLock({ $0 }), ContinuousClock.now < limit { Thread.sleep(forTimeInterval: 0.005) }
        }
    }

    private func application(
        _ fixture: ClusterFixture, _ log: GatheredLog, threads: Int = 2, _ topology: Topology? = nil,
        stopTimeout: Duration = .milliseconds(500)
    ) throws -> StreamsApplication {
        var configuration = StreamsConfiguration()
        configuration.logger = log.logger
        (configuration.streamThreads, configuration.stopTimeout) = (threads, stopTimeout)
        // Nothing is committed before the stop.
        configuration.commitInterval = .seconds(3_600)
        return StreamsApplication(
            id: "app", topology: try topology ?? CountTopology.make(),
            cluster: .cluster(RecordingCluster(fixture.cluster, fixture.calls), stateDirectory: fixture.directory),
            configuration: configuration)
    }

    @Test func `a stop ends in time and reports the threads that still run; nothing is lost`() async throws {
        try await withTaskExecutorPreference(QueueExecutor()) { try stopsInTime() }
    }

    private func stopsInTime() throws {
        let (fixture, barrier, log) = (try ClusterFixture(), Barrier(), GatheredLog())
        try fixture.create(["input": 2, "counts": 1])
        fixture.calls.hook.withLock { hook in hook = { if $0 == "flush" { barrier.pass() } } }
        let app = try application(fixture, log)
        try app.start()
        #expect(try eventually { app.state == .running })
        barrier.set(open: false)
        for partition: Int32 in 0...1 { try fixture.write("input", "a", "x", at: 1, partition: partition) }
        #expect(try eventually { app.metrics.processedRecords == 2 })
        let begin = ContinuousClock.now
        let error = #expect(throws: RuntimeError.self) { try app.stop() }
        #expect(ContinuousClock.now - begin < .seconds(15))
        let threads = ["app-StreamThread-1", "app-StreamThread-2"]
        #expect(error == .stopTimedOut(after: .milliseconds(500), threads: threads))
        #expect(app.state == .error)
        #expect(log.all.contains { $0.hasPrefix("error: the application was told to stop") }, "\(log.all)")
        // The blocked threads still hold the state.
        let early = try application(fixture, log)
        #expect(throws: (any Error).self) { try early.start() }
        barrier.set(open: true)
        func another() throws -> StreamsApplication {
            try application(fixture, log, threads: 1, stopTimeout: .seconds(60))
        }
        var next = try another()
        // As soon as the state is free.
        _ = try eventually {
            if (try? next.start()) != nil { return true }
            next = try another()
            return false
        }
        for partition: Int32 in 0...1 { try fixture.write("input", "a", "y", at: 2, partition: partition) }
        #expect(try eventually { next.metrics.processedRecords >= 2 })
        try next.stop()
        #expect(try fixture.read(CountTopology.counts).map(\.value).sorted() == [1, 1, 2, 2])
    }

    @Test(.timeLimit(.minutes(2))) func `a stop that times out ends the sequences of changes`() async throws {
        let (fixture, barrier, log) = (try ClusterFixture(), Barrier(), GatheredLog())
        try fixture.create(["input": 1, "counts": 1])
        fixture.calls.hook.withLock { hook in hook = { if $0 == "flush" { barrier.pass() } } }
        let topology = try Topology { streams in
            _ = streams.stream(CountTopology.input).groupByKey().count(as: CountTopology.table)
        }
        let app = try application(fixture, log, threads: 1, topology)
        try await app.started()
        var changes = try await app.changes(of: CountTopology.table).makeAsyncIterator()
        barrier.set(open: false)
        try fixture.write("input", "a", "x", at: 1)
        #expect(try await eventuallyInTasks { app.metrics.processedRecords == 1 })
        await #expect(throws: RuntimeError.self) { try await app.stopped() }
        #expect(try await changes.next() == nil)
        barrier.set(open: true)
    }

    @Test func `a successful stop does not wait for its timeout`() async throws {
        let (fixture, log) = (try ClusterFixture(), GatheredLog())
        try fixture.create(["input": 1, "counts": 1])
        var configuration = StreamsConfiguration()
        (configuration.logger, configuration.stopTimeout) = (log.logger, .seconds(3_600))
        let app = StreamsApplication(
            id: "app", topology: try CountTopology.make(), cluster: .cluster(fixture.cluster, stateDirectory: nil),
            configuration: configuration)
        try await app.started()
        try fixture.write("input", "a", "x", at: 1)
        #expect(try await eventuallyInTasks { app.metrics.processedRecords == 1 })
        try await app.stopped()
        #expect(app.state == .notRunning && !log.all.contains { $0.hasPrefix("error") })
        #expect(try fixture.committed("input")?.offset == Offset(1))
    }
}
