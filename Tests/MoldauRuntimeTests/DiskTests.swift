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
    func `a failed sync ends the application despite its error handler`(guarantee: ProcessingGuarantee) async throws {
        let files = FullableFileSystem()
        let fixture = try ClusterFixture(on: files)
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
        // Later writes are rejected, although syncs would work again.
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

    /// Commits do not contain a global table's positions, so the results of a lost row would remain.
    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a global table reads rows only once they are durable`(guarantee: ProcessingGuarantee) throws {
        let files = FullableFileSystem()
        let fixture = try ClusterFixture(on: files)
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
    func `a thread waits for disk space, then continues without loss or duplicates`(guarantee: ProcessingGuarantee)
        throws
    {
        var waited = 0
        for writes in 0..<30 {
            let files = FullableFileSystem()
            let fixture = try ClusterFixture(on: files)
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

    /// When a topic rejects a batch as too large, its records are sent one by one. The disk is full from the n-th write
    /// on.
    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce], [1_500, 64 << 10])
    func `records that are sent one by one also wait for disk space, and none is sent twice`(
        guarantee: ProcessingGuarantee, batchBytes: Int
    ) throws {
        var waited = 0
        for writes in 0..<20 {
            let files = FullableFileSystem()
            let fixture = try ClusterFixture(on: files)
            try fixture.create(["input": 1])
            let settings = ["max.message.bytes": "1000", "retention.ms": "-1"]
            try fixture.admin.create([NewTopic("out", partitionCount: 1, configuration: settings)])
            let out = Topic<String, String>("out")
            let topology = try Topology { $0.stream(Topic<String, String>("input")).to(out) }
            var configuration = StreamsConfiguration()
            (configuration.guarantee, configuration.batchBytes) = (guarantee, batchBytes)
            let thread = try fixture.thread(topology, configuration: configuration)
            try thread.runUntilIdle()
            let values = (0..<8).map { String(repeating: "\($0)", count: 300) }
            for value in values { try fixture.write("input", "a", value, at: 1) }
            files.writesLeft.withLock { $0 = writes }
            for round in 1...5 { try thread.runOnce(now: Timestamp(ms: Int64(round) * 100), wait: .zero) }
            if files.writesLeft.withLock({ $0! < 0 }) { waited += 1 }
            files.writesLeft.withLock { $0 = nil }
            for round in 6...9 { try thread.runOnce(now: Timestamp(ms: Int64(round) * 100), wait: .zero) }
            #expect(try fixture.read(out).map(\.value) == values, "\(writes)")
            #expect(try fixture.committed("input")?.offset == Offset(8))
            try thread.stop(now: Timestamp(ms: 1_000))
        }
        #expect(waited > 8)
    }

    /// The disk is full from the n-th write of the commit on.
    @Test(arguments: [true, false], [true, false])
    func `a commit that failed on a full disk can be retried, and more can be sent before`(
        hasOffsets: Bool, sendsMore: Bool
    ) throws {
        let (out, place) = (Topic<String, String>("out"), TopicPartition("out", 0))
        let offsets = hasOffsets ? [TopicPartition("input", 0): CommittedOffset(Offset(1))] : [:]
        var refused = 0
        for writes in 0..<10 {
            let files = FullableFileSystem()
            let broker = try Broker(files, directory: "data", durability: .sync, clock: { Timestamp(ms: 0) })
            let cluster = EmbeddedCluster(broker)
            let fixture = try ClusterFixture(cluster)
            try fixture.create(["out": 1])
            let producer = try cluster.makeTransactionalProducer(
                TransactionalProducerOptions(clientID: "producer", id: "id", timeout: .seconds(60)))
            func send(_ value: String) throws {
                var builder = RecordBatchBuilder()
                builder.producer = producer.stamp(for: place)
                Array(value.utf8).withUnsafeBytes {
                    builder.append(key: $0, value: $0, timestamp: Timestamp(ms: 1))
                }
                try producer.send(builder.finish(), to: place)
            }
            try send("first")
            files.writesLeft.withLock { $0 = writes }
            do { try producer.commit(offsets, of: GroupMetadata(group: "app")) } catch ClusterError.diskFull {
                refused += 1
            }
            files.writesLeft.withLock { $0 = nil }
            if sendsMore { try send("second") }
            try producer.commit(offsets, of: GroupMetadata(group: "app"))
            #expect(try fixture.read(out).map(\.value) == (sendsMore ? ["first", "second"] : ["first"]), "\(writes)")
            #expect(try fixture.committed("input")?.offset == (hasOffsets ? Offset(1) : nil))
        }
        #expect(refused > 2)
    }

    private final class Numbering: Processor {
        static let counts = KeyValueStoreName<String, Int>("counts")
        static let storeDefinitions = [StoreDefinition(counts)]
        private var context: ProcessorContext<String, String>?
        private var counts: KeyValueStore<String, Int>?

        func start(_ context: ProcessorContext<String, String>) throws {
            (self.context, counts) = (context, try context.store(Self.counts))
        }

        func process(_ record: Record<String, String>) throws {
            let number = try counts?.get(record.key) ?? 0
            try context?.forward(record.with(value: "\(number) \(record.value)"))
            try counts?.put(record.key, number + 1)
        }
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `records for a chosen topic wait for disk space to create it, and no handler is called`(
        guarantee: ProcessingGuarantee
    ) throws {
        let files = FullableFileSystem()
        let fixture = try ClusterFixture(on: files)
        try fixture.create(["input": 1])
        let topology = try Topology { streams in
            streams.stream(Topic<String, String>("input")).process { Numbering() }
                .to(key: String.serde, value: String.serde) { _, _ in "chosen" }
        }
        var configuration = StreamsConfiguration()
        (configuration.guarantee, configuration.newTopicPartitions) = (guarantee, 1)
        configuration.onProcessingFailure = { _ in .skip }
        let thread = try fixture.thread(topology, configuration: configuration)
        try thread.runUntilIdle()
        for value in ["x", "y"] { try fixture.write("input", "a", value, at: 1) }
        files.writesLeft.withLock { $0 = 0 }
        for round in 1...5 { try thread.runOnce(now: Timestamp(ms: Int64(round) * 100), wait: .zero) }
        files.writesLeft.withLock { $0 = nil }
        try fixture.write("input", "a", "z", at: 2)
        for round in 6...9 { try thread.runOnce(now: Timestamp(ms: Int64(round) * 100), wait: .zero) }
        #expect(thread.report.drops.isEmpty)
        #expect(try fixture.read(Topic<String, String>("chosen")).map(\.value) == ["0 x", "1 y", "2 z"])
        #expect(try fixture.committed("input")?.offset == Offset(3))
        try thread.stop(now: Timestamp(ms: 1_000))
    }

    /// The disk is full from the n-th write on, which may be that of the next producer.
    @Test func `a thread whose transaction was aborted waits for disk space to register its next producer`() throws {
        var waited = 0
        for writes in 0..<8 {
            let files = FullableFileSystem()
            let uptime = Mutex(Duration.zero)
            let broker = try Broker(
                files, directory: "data", durability: .sync, clock: { Timestamp(ms: 0) },
                uptime: { uptime.withLock { $0 } })
            let fixture = try ClusterFixture(EmbeddedCluster(broker))
            try fixture.create(["input": 1, "counts": 1])
            var configuration = StreamsConfiguration()
            (configuration.guarantee, configuration.commitInterval) = (.exactlyOnce, .milliseconds(200))
            let thread = try fixture.thread(try CountTopology.make(), configuration: configuration)
            func run(_ rounds: Int) throws {
                for _ in 0..<rounds {
                    let passed = uptime.withLock { passed in
                        passed += .milliseconds(50)
                        return passed
                    }
                    try thread.runOnce(now: RoundTime(Timestamp(ms: 0), uptime: passed), wait: .zero)
                }
            }
            try fixture.write("input", "a", "x", at: 1)
            try run(5)
            try fixture.write("input", "a", "x", at: 2)
            // Its result is sent but not committed.
            try run(2)
            uptime.withLock { $0 += .seconds(20) }
            try broker.abortExpired()
            files.writesLeft.withLock { $0 = writes }
            try run(5)
            if thread.held.isEmpty { waited += 1 }
            files.writesLeft.withLock { $0 = nil }
            try fixture.write("input", "a", "x", at: 3)
            try run(10)
            try thread.stop(now: Timestamp(ms: 0))
            #expect(try fixture.read(CountTopology.counts).map(\.value) == [1, 2, 3])
            #expect(try fixture.committed("input")?.offset == Offset(3))
        }
        #expect(waited > 0)
    }

    @Test func `a thread that is stopped while it waits for disk space reports what is lost`() throws {
        let files = FullableFileSystem()
        let fixture = try ClusterFixture(on: files)
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
    func `a global table's restore waits for disk space to dead-letter unreadable rows`(
        guarantee: ProcessingGuarantee
    ) throws {
        let files = FullableFileSystem()
        let fixture = try ClusterFixture(on: files)
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
    func `a thread that is removed waits for disk space`(guarantee: ProcessingGuarantee) async throws {
        let files = FullableFileSystem()
        let fixture = try ClusterFixture(on: files)
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
        // It keeps retrying.
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

extension ClusterFixture {
    /// On a disk that may become full, or whose syncs may fail.
    convenience init(on files: FullableFileSystem) throws {
        try self.init(
            EmbeddedCluster(try Broker(files, directory: "data", durability: .sync, clock: { Timestamp(ms: 0) })))
    }
}

/// An in-memory file system that runs out of space after a number of writes, and whose syncs can be made to fail.
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
            // A part of the write may still have fitted.
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
