import Moldau
import MoldauBroker
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import MoldauRuntime
import MoldauTopology
import Synchronization
import Testing

struct DiskTests {
    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a failed sync ends the application, whatever its handler says`(guarantee: ProcessingGuarantee) async throws {
        let files = FullableFileSystem()
        let broker = try Broker(files, directory: "data", durability: .sync, clock: { Timestamp(ms: 0) })
        let fixture = try ClusterFixture(EmbeddedCluster(broker))
        try fixture.create(["input": 1, "counts": 1])
        try fixture.write("input", "a", "x", at: 1)
        files.failsSyncs.withLock { $0 = true }
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee
        configuration.onUncaughtError = { _ in .replaceThread }
        let started = Gathered<ContinuousClock.Instant>()
        let ended = Gathered<ContinuousClock.Instant>()
        configuration.onStateChange = {
            if $1 == .error { ended.add(.now) } else { started.add(.now) }
        }
        let app = StreamsApplication(
            id: "app", topology: try CountTopology.make(), cluster: .cluster(fixture.cluster, stateDirectory: nil),
            configuration: configuration)
        let error = await #expect(throws: ClusterError.self) { try await app.run() }
        guard case .offline = error else { throw error! }
        #expect(try #require(ended.all.first) - #require(started.all.first) < .seconds(5))
        // Later writes are refused, although syncs would work again.
        files.failsSyncs.withLock { $0 = false }
        #expect(throws: ClusterError.self) { try fixture.write("input", "a", "y", at: 2) }
    }

    @Test func `only consumers that read ahead get records that are not durable yet`() throws {
        let files = FullableFileSystem()
        let broker = try Broker(files, directory: "data", durability: .sync, clock: { Timestamp(ms: 0) })
        let cluster = EmbeddedCluster(broker)
        let fixture = try ClusterFixture(cluster)
        try fixture.create(["input": 1])
        files.failsSyncs.withLock { $0 = true }
        #expect(throws: ClusterError.self) { try fixture.write("input", "a", "x", at: 1) }
        let choices: [ConsumerOptions.ReadAhead] = [
            .everywhere(), .everywhere(except: ["input"]), .topics(["input"]), .topics(["other"]), .nowhere,
        ]
        for readsAhead in choices {
            let consumer = try cluster.makeConsumer(ConsumerOptions(clientID: "reader", readsAhead: readsAhead))
            let partition = TopicPartition("input", 0)
            try consumer.assign([partition])
            try consumer.seek(partition, to: .zero)
            if readsAhead.includes("input") {
                #expect(try consumer.poll(wait: .zero).count == 1)
            } else {
                #expect(throws: ClusterError.self) { try consumer.poll(wait: .zero) }
                #expect(consumer.position(partition) == .zero)
            }
        }
    }

    /// No commit has the positions of a global table: results of a row that is lost would stay.
    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a global table gets its rows once they are durable`(guarantee: ProcessingGuarantee) throws {
        let files = FullableFileSystem()
        let broker = try Broker(files, directory: "data", durability: .sync, clock: { Timestamp(ms: 0) })
        let fixture = try ClusterFixture(EmbeddedCluster(broker))
        try fixture.create(["input": 1, "rows": 1, "output": 1])
        let topology = try Topology { streams in
            let rows = streams.globalTable(Topic<String, String>("rows"))
            streams.stream(Topic<String, String>("input")).join(rows, on: { key, _ in key }) { $0 + $1 }
                .to(Topic<String, String>("output"))
        }
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee
        let thread = try fixture.thread(topology, configuration: configuration)
        try fixture.write("rows", "a", "durable", at: 1)
        try thread.runUntilIdle()
        files.failsSyncs.withLock { $0 = true }
        #expect(throws: ClusterError.self) { try fixture.write("rows", "a", "lost", at: 2) }
        #expect(throws: ClusterError.self) { try thread.runOnce(now: Timestamp(ms: 1), wait: .zero) }
    }

    /// The disk is full from the n-th write on, which may be at any step of a commit.
    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a thread waits for room on the disk, and continues as if nothing had happened`(guarantee: ProcessingGuarantee)
        throws
    {
        var waited = 0
        for writes in 0..<30 {
            let files = FullableFileSystem()
            let broker = try Broker(files, directory: "data", durability: .sync, clock: { Timestamp(ms: 0) })
            let fixture = try ClusterFixture(EmbeddedCluster(broker))
            try fixture.create(["input": 1, "counts": 1])
            for value in ["x", "y"] { try fixture.write("input", "a", value, at: 1) }
            var configuration = StreamsConfiguration()
            configuration.guarantee = guarantee
            let thread = try fixture.thread(try CountTopology.make(), configuration: configuration)
            try thread.runUntilIdle()
            try thread.commit(now: Timestamp(ms: 1))
            for value in ["x", "y", "z"] { try fixture.write("input", "b", value, at: 2) }
            files.writesLeft.withLock { $0 = writes }
            for round in 1...5 { try thread.runOnce(now: Timestamp(ms: Int64(round) * 100), wait: .zero) }
            if files.writesLeft.withLock({ $0! <= 0 }) {
                waited += 1
                // Reads still work.
                #expect(try fixture.read(CountTopology.counts).prefix(2).map(\.value) == [1, 2])
                #expect(throws: ClusterError.self) { try fixture.write("input", "c", "refused", at: 3) }
            }
            files.writesLeft.withLock { $0 = nil }
            try fixture.write("input", "a", "z", at: 3)
            for round in 6...9 { try thread.runOnce(now: Timestamp(ms: Int64(round) * 100), wait: .zero) }
            #expect(try fixture.read(CountTopology.counts).map(\.value) == [1, 2, 1, 2, 3, 3])
            #expect(try fixture.committed("input")?.offset == Offset(6))
            try thread.stop(now: Timestamp(ms: 1_000))
        }
        #expect(waited > 3)
    }

    @Test func `a thread that is stopped while it waits for room says what is lost`() throws {
        let files = FullableFileSystem()
        let broker = try Broker(files, directory: "data", durability: .sync, clock: { Timestamp(ms: 0) })
        let fixture = try ClusterFixture(EmbeddedCluster(broker))
        try fixture.create(["input": 1, "counts": 1])
        try fixture.write("input", "a", "x", at: 1)
        let thread = try fixture.thread(try CountTopology.make())
        files.writesLeft.withLock { $0 = 0 }
        try thread.runUntilIdle()
        #expect(throws: ClusterError.diskFull(reason: "what was done since the last commit is not kept")) {
            try thread.stop(now: Timestamp(ms: 1))
        }
        files.writesLeft.withLock { $0 = nil }
        let next = try fixture.thread(try CountTopology.make())
        try next.runUntilIdle()
        #expect(try fixture.read(CountTopology.counts).map(\.value) == [1])
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a global table is not restored further than there is room for copies of unreadable rows`(
        guarantee: ProcessingGuarantee
    ) throws {
        let files = FullableFileSystem()
        let broker = try Broker(files, directory: "data", durability: .sync, clock: { Timestamp(ms: 0) })
        let fixture = try ClusterFixture(EmbeddedCluster(broker))
        try fixture.create(["input": 1, "rows": 1, "dead": 1])
        let rows = TopicPartition("rows", 0)
        try fixture.write(Record(key: [0xff], value: [], timestamp: Timestamp(ms: 1)), to: rows)
        // One poll does not return all of them.
        for key in ["a", "b", "c"] { try fixture.write("rows", key, String(repeating: "x", count: 700_000), at: 2) }
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee
        configuration.onDeserializationFailure = { _ in .deadLetter(topic: "dead") }
        let topology = try Topology { streams in
            _ = streams.globalTable(Topic<String, String>("rows"))
            streams.stream(Topic<String, String>("input")).forEach { _, _ in }
        }
        let thread = try fixture.thread(topology, configuration: configuration)
        files.writesLeft.withLock { $0 = 0 }
        for round in 1...5 { try thread.runOnce(now: Timestamp(ms: Int64(round) * 100), wait: .zero) }
        #expect(thread.phase == .restoring)
        #expect(thread.globalTables.appliedCount < 3)
        #expect(thread.globalTables.savedPosition(of: rows) == nil)
        files.writesLeft.withLock { $0 = nil }
        try thread.runUntilIdle(now: 600)
        #expect(thread.globalTables.appliedCount == 3)
        try thread.stop(now: Timestamp(ms: 1_000))
        #expect(try fixture.read(Topic<[UInt8], [UInt8]>("dead")).map(\.key) == [[0xff]])
        #expect(thread.globalTables.savedPosition(of: rows) == Offset(4))
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a thread that is removed waits for room on the disk`(guarantee: ProcessingGuarantee) async throws {
        let files = FullableFileSystem()
        let broker = try Broker(files, directory: "data", durability: .sync, clock: { Timestamp(ms: 0) })
        let fixture = try ClusterFixture(EmbeddedCluster(broker))
        try fixture.create(["input": 2, "counts": 1])
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee
        configuration.streamThreads = 2
        configuration.commitInterval = .seconds(3_600)
        let app = StreamsApplication(
            id: "app", topology: try CountTopology.make(), cluster: .cluster(fixture.cluster, stateDirectory: nil),
            configuration: configuration)
        try await app.started()
        #expect(try eventually { app.state == .running })
        for partition in 0..<2 as Range<Int32> {
            try fixture.write("input", "k\(partition)", "x", at: 1, partition: partition)
        }
        #expect(try eventually { app.metrics.processedRecords == 2 })
        files.writesLeft.withLock { $0 = 0 }
        async let removed = app.removeThread()
        // It tries again and again.
        let waits = try await eventuallyInTasks {
            app.state == .error || app.state == .rebalancing && files.writesLeft.withLock { $0! < -20 }
        }
        #expect(waits && app.state == .rebalancing)
        files.writesLeft.withLock { $0 = nil }
        #expect(try await removed == "app-StreamThread-2")
        try await app.stopped()
        #expect(try fixture.read(CountTopology.counts).map(\.value) == [1, 1])
        for partition in 0..<2 as Range<Int32> {
            #expect(try fixture.committed("input", partition: partition)?.offset == Offset(1))
        }
    }
}

/// Files in memory that run out of room after a number of writes, and whose syncs can be made to fail.
final class FullableFileSystem: FileSystem {
    let memory = MemoryFileSystem()
    let writesLeft = Mutex<Int?>(nil)
    let failsSyncs = Mutex(false)

    final class File: LogFile {
        private let inner: MemoryFile
        private let owner: FullableFileSystem

        init(_ inner: MemoryFile, _ owner: FullableFileSystem) { (self.inner, self.owner) = (inner, owner) }

        func size() throws(LogError) -> Int { try inner.size() }
        func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(LogError) -> Int {
            try inner.read(into: buffer, at: position)
        }
        func write(
            _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer, at position: Int
        ) throws(LogError) {
            let isFull = owner.writesLeft.withLock { left in
                left = left.map { $0 - 1 }
                return left.map { $0 < 0 } ?? false
            }
            // A part of it may have had room.
            try inner.write(head, isFull ? UnsafeRawBufferPointer(start: nil, count: 0) : body, at: position)
            if isFull { throw .io(operation: "writing", path: "data", code: 28, reason: "No space left on device") }
        }
        func truncate(to size: Int) throws(LogError) { try inner.truncate(to: size) }
        func sync() throws(LogError) {}
    }

    func open(_ path: String) throws(LogError) -> File { File(try memory.open(path), self) }
    func exists(_ path: String) -> Bool { memory.exists(path) }
    func names(in directory: String) throws(LogError) -> [String] { try memory.names(in: directory) }
    func createDirectory(_ path: String) throws(LogError) { try memory.createDirectory(path) }
    func removeFile(_ path: String) throws(LogError) { try memory.removeFile(path) }
    func removeDirectory(_ path: String) throws(LogError) { try memory.removeDirectory(path) }
    func rename(_ path: String, to newPath: String) throws(LogError) { try memory.rename(path, to: newPath) }
    func syncDirectory(_ path: String) throws(LogError) {}
    func sync(_ files: [File]) throws(LogError) {
        guard failsSyncs.withLock({ $0 }) else { return }
        throw .io(operation: "sync", path: "data", code: 5, reason: "Input/output error")
    }
    func lock(_ directory: String) throws(LogError) -> DirectoryLock { try memory.lock(directory) }
}
