import Foundation
import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Synchronization
import ProgramSupport
import Testing

/// A full disk for the state: the thread waits, as it does if the broker's disk is full.
struct FullStateTests {
    private let input = Topic<String, String>("input")
    private let out = Topic<String, Int64>("out")

    private func topology(_ kind: StoreKind, isLogged: Bool = true) throws -> Topology {
        try Topology { streams in
            streams.stream(input).groupByKey()
                .count(as: Materialized(TableStoreName<String, Int64>("counts"), kind: kind, isLogged: isLogged))
                .toStream()
                .mapValues { $0 ?? 0 }.to(out)
        }
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a thread waits for space in its stores, then continues without loss or duplicates`(
        guarantee: ProcessingGuarantee
    ) throws {
        let shelf = Shelf()
        let full = FullShelf()
        let provider = full.provider(of: shelf)
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        for _ in 0..<3 { try fixture.write("input", "a", "x", at: 1) }
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee
        let thread = try fixture.thread(try topology(.custom(provider)), configuration: configuration)
        try thread.runUntilIdle()
        try thread.commit(now: Timestamp(ms: 1), writeBehind: true)
        #expect(try fixture.committed("input")?.offset == Offset(3))
        try fixture.write("input", "a", "x", at: 2)
        for round in 1...3 { #expect(try thread.runOnce(now: Timestamp(ms: Int64(round)), wait: .zero) == 0) }
        #expect(try fixture.read(out).map(\.value) == [1, 2, 3])
        full.setFull(false)
        try thread.commit(now: Timestamp(ms: 5), writeBehind: true)
        try thread.runUntilIdle(now: 6)
        try thread.stop(now: Timestamp(ms: 7))
        #expect(try fixture.read(out).map(\.value) == [1, 2, 3, 4])
        #expect(shelf.stores.withLock { $0["0_0/counts"]?.isEmpty == false })
    }

    /// Each poll returns records of both changelogs, and neither store has space for them.
    @Test func `stores that are restored on a full disk get all their rows once there is space`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        let (shelf, full) = (Shelf(), FullShelf())
        let provider = full.provider(of: shelf)
        func topology(_ kind: StoreKind) throws -> Topology {
            try Topology { streams in
                let grouped = streams.stream(input).groupByKey()
                for name in ["one", "two"] {
                    grouped.count(as: Materialized(TableStoreName<String, Int64>(name), kind: kind))
                        .toStream().mapValues { $0 ?? 0 }.to(out)
                }
            }
        }
        let keys = (0..<200).map { "\($0)" + String(repeating: "-", count: 2_000) }
        let first = try fixture.thread(try topology(.inMemory))
        for key in keys { try fixture.write("input", key, "x", at: 1) }
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 1))
        let memory = StateMemory(budgetBytes: 1 << 20)
        let second = try fixture.thread(try topology(.custom(provider))) {
            StoreEnvironment(directory: $0, memory: memory)
        }
        for round: Int64 in 2...9 { try second.runOnce(now: Timestamp(ms: round), wait: .zero) }
        #expect(shelf.stores.withLock { $0.values.allSatisfy(\.isEmpty) })
        full.setFull(false)
        try second.runUntilIdle(now: 10)
        #expect(second.report.restored == 400)
        for key in keys { try fixture.write("input", key, "x", at: 11) }
        try second.runUntilIdle(now: 11)
        try second.stop(now: Timestamp(ms: 12))
        let counts = try fixture.read(out).map(\.value)
        #expect(counts.filter { $0 == 1 }.count == 400 && counts.filter { $0 == 2 }.count == 400)
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a task can move to another thread while its store has no space`(guarantee: ProcessingGuarantee) throws {
        let (shelf, full) = (Shelf(), FullShelf())
        let provider = full.provider(of: shelf)
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee
        let first = try fixture.thread(try topology(.custom(provider)), configuration: configuration)
        try fixture.write("input", "a", "x", at: 1)
        try first.runUntilIdle()
        first.granted = TaskSet()
        try first.runOnce(now: Timestamp(ms: 1), wait: .zero)
        #expect(first.held == TaskSet())
        try first.stop(now: Timestamp(ms: 2))
        full.setFull(false)
        let second = try fixture.thread(try topology(.custom(provider)), configuration: configuration)
        try fixture.write("input", "a", "x", at: 2)
        try second.runUntilIdle(now: 3)
        try second.stop(now: Timestamp(ms: 4))
        #expect(second.report.restored == 1)
        #expect(try fixture.read(out).map(\.value) == [1, 2])
    }

    /// Without a changelog, nothing could restore the rows.
    @Test func `a task whose store has no changelog is not handed over before its rows are written`() throws {
        let (shelf, full) = (Shelf(), FullShelf())
        let provider = full.provider(of: shelf)
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        let first = try fixture.thread(try topology(.custom(provider), isLogged: false))
        let both = first.granted
        for _ in 0..<3 { try fixture.write("input", "a", "x", at: 1) }
        try first.runUntilIdle()
        first.granted = TaskSet()
        for round: Int64 in 1...3 { try first.runOnce(now: Timestamp(ms: round), wait: .zero) }
        #expect(first.held == both)
        full.setFull(false)
        try first.runOnce(now: Timestamp(ms: 4), wait: .zero)
        #expect(first.held == TaskSet())
        try first.stop(now: Timestamp(ms: 5))
        let second = try fixture.thread(try topology(.custom(provider), isLogged: false))
        try fixture.write("input", "a", "x", at: 6)
        try second.runUntilIdle(now: 6)
        try second.stop(now: Timestamp(ms: 7))
        #expect(try fixture.read(out).map(\.value) == [1, 2, 3, 4])
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a task that is assigned while its store cannot be opened is opened once there is space`(
        guarantee: ProcessingGuarantee
    ) throws {
        let (shelf, full) = (Shelf(), FullShelf())
        full.setFull(false)
        let provider = full.provider(of: shelf) { if $0.task == "0_1" { try full.check() } }
        let fixture = try ClusterFixture()
        try fixture.create(["input": 2, "out": 1])
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee
        let thread = try fixture.thread(try topology(.custom(provider)), configuration: configuration)
        let both = thread.granted
        let (a, b) = (TaskID(subtopology: 0, partition: Partition(0)), TaskID(subtopology: 0, partition: Partition(1)))
        #expect(Set(both.active.keys) == [a, b])
        thread.granted = TaskSet(active: [a: 0])
        for _ in 0..<3 { try fixture.write("input", "a", "x", at: 1) }
        for _ in 0..<2 { try fixture.write("input", "b", "x", at: 1, partition: 1) }
        try thread.runUntilIdle(now: 1)
        try thread.commit(now: Timestamp(ms: 1))
        #expect(try fixture.read(out).map(\.value) == [1, 2, 3])
        full.setFull(true)
        thread.granted = both
        for round: Int64 in 2...5 { try thread.runOnce(now: Timestamp(ms: round), wait: .zero) }
        #expect(Set(thread.held.active.keys) == [a] && !thread.status.isRunning)
        full.setFull(false)
        try thread.runUntilIdle(now: 1_000)
        #expect(thread.held == both && thread.status.isRunning)
        try thread.stop(now: Timestamp(ms: 1_001))
        #expect(try fixture.read(out).map(\.value) == [1, 2, 3, 1, 2])
    }

    @Test func `a task whose store must be cleared when it is opened waits for space`() throws {
        let (shelf, full) = (Shelf(), FullShelf())
        full.setFull(false)
        let provider = full.provider(of: shelf)
        let topology = try topology(.custom(provider))
        func write(_ count: Int, to fixture: borrowing ClusterFixture) throws {
            for _ in 0..<count { try fixture.write("input", "a", "x", at: 1) }
        }
        let first = try ClusterFixture()
        try first.create(["input": 1, "out": 1])
        try write(3, to: first)
        let before = try first.thread(topology)
        try before.runUntilIdle()
        try before.commit(now: Timestamp(ms: 1), writeBehind: true)
        try before.stop(now: Timestamp(ms: 2))
        full.setFull(true)
        // The broker has lost everything: the store belongs to another topic.
        let second = try ClusterFixture()
        try second.create(["input": 1, "out": 1])
        try write(1, to: second)
        let after = try second.thread(topology)
        for round: Int64 in 3...5 { try after.runOnce(now: Timestamp(ms: round), wait: .zero) }
        #expect(after.held.active.isEmpty && !after.status.isRunning)
        full.setFull(false)
        for now: Int64 in 1_000...1_001 { try after.runUntilIdle(now: now) }
        try after.stop(now: Timestamp(ms: 1_002))
        #expect(try second.read(out).map(\.value) == [1])
    }

    @Test(.timeLimit(.minutes(10)))
    func `an application whose global table cannot be opened starts once there is space`() async throws {
        let (shelf, full) = (Shelf(), FullShelf())
        let provider = full.provider(of: shelf) { _ in try full.check() }
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "names": 1])
        try fixture.write("names", "a", "Ada", at: 1)
        let names = TableStoreName<String, String>("names")
        let topology = try Topology { streams in
            _ = streams.globalTable(Topic<String, String>("names"), as: names, kind: .custom(provider))
            streams.stream(input).forEach { _, _ in }
        }
        let app = StreamsApplication(
            id: "app", topology: topology, cluster: .cluster(fixture.cluster, stateDirectory: nil))
        let starting = Task { try await app.started() }
        try await Task.sleep(for: .milliseconds(700))
        #expect(app.state != .running && app.state != .error)
        full.setFull(false)
        try await starting.value
        let table = try app.store(names)
        while try await table.get("a").value?.value != "Ada" { try await Task.sleep(for: .milliseconds(5)) }
        #expect(app.state == .running)
        try await app.stopped()
    }

    @Test func `an application with standby copies on a full disk runs once there is space`() async throws {
        let (shelf, full) = (Shelf(), FullShelf())
        let provider = full.provider(of: shelf) { _ in try full.check() }
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        let task = TaskID(subtopology: 0, partition: Partition(0))
        for replica in 0...1 {
            try FileManager.default.createDirectory(
                atPath: fixture.directory + "/app/" + TaskSet.directory(of: task, replica: replica),
                withIntermediateDirectories: true)
        }
        let app = StreamsApplication(
            id: "app", topology: try topology(.custom(provider)),
            cluster: .cluster(fixture.cluster, stateDirectory: fixture.directory))
        try await app.started()
        #expect(app.state == .rebalancing)
        full.setFull(false)
        #expect(try await eventuallyInTasks { app.state == .running })
        try fixture.write("input", "a", "x", at: 1)
        #expect(try await eventuallyInTasks { app.metrics.processedRecords == 1 })
        try await app.stopped()
        #expect(try fixture.read(out).map(\.value) == [1])
    }

    /// If the position were lost, the store would count as restored, and the task would start.
    @Test func `a restore that finds its changelog truncated on a full disk waits for space`() throws {
        let (shelf, full) = (Shelf(), FullShelf())
        full.setFull(false)
        let provider = full.provider(of: shelf)
        let topology = try topology(.custom(provider))
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1, "out": 1])
        let first = try fixture.thread(topology)
        for key in ["a", "b", "c"] { try fixture.write("input", key, "x", at: 1) }
        try first.runUntilIdle()
        try first.commit(now: Timestamp(ms: 1), writeBehind: true)
        full.setFull(true)
        for key in ["d", "e"] { try fixture.write("input", key, "x", at: 2) }
        try first.runUntilIdle(now: 2)
        try first.stop(now: Timestamp(ms: 3))
        let changelog = TopicPartition("app-counts-changelog", 0)
        let end = try #require(try fixture.consumer.ends(of: [changelog])[changelog])
        let second = try fixture.thread(topology)
        // All but its first record is gone.
        let lost = ClusterError.offsetOutOfRange(changelog, requested: end, held: .zero..<Offset(1))
        fixture.calls.held.withLock { $0[changelog] = .zero..<Offset(1) }
        fixture.calls.fail("poll \(changelog)", with: lost)
        try fixture.write("input", "a", "x", at: 4)
        for round: Int64 in 4...7 { try second.runOnce(now: Timestamp(ms: round), wait: .zero) }
        #expect(second.phase == .restoring && second.report.processed == 0)
        full.setFull(false)
        try second.runOnce(now: Timestamp(ms: 8), wait: .zero)
        fixture.calls.heal()
        fixture.calls.held.withLock { $0 = [:] }
        for now: Int64 in 9...10 { try second.runUntilIdle(now: now) }
        try second.stop(now: Timestamp(ms: 11))
        #expect(second.report.processed == 1)
        #expect(try fixture.read(out).map(\.value) == [1, 1, 1, 1, 1, 2])
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `rounds that wait for space do not count as commits`(guarantee: ProcessingGuarantee) throws {
        let (shelf, roomy, full) = (Shelf(), FullShelf(), FullShelf())
        for disk in [roomy, full] { disk.setFull(false) }
        let provider = roomy.provider(of: shelf) { if $0.task == "0_1" { try full.check() } }
        let fixture = try ClusterFixture()
        try fixture.create(["input": 2, "out": 1])
        var configuration = StreamsConfiguration()
        configuration.guarantee = guarantee
        let thread = try fixture.thread(try topology(.custom(provider)), configuration: configuration)
        let both = thread.granted
        thread.granted.active = both.active.filter { $0.key.partition == Partition(0) }
        try thread.runUntilIdle()
        try fixture.write("input", "a", "x", at: 1)
        try thread.runUntilIdle(now: 1)
        #expect(thread.report.commits == 0)
        full.setFull(true)
        thread.granted = both
        // What was processed before is committed.
        for round: Int64 in 2...9 { try thread.runOnce(now: Timestamp(ms: round * 200), wait: .zero) }
        #expect(try fixture.committed("input")?.offset == Offset(1))
        #expect(thread.report.commits == 1)
        full.setFull(false)
        try thread.runUntilIdle(now: 5_000)
        #expect(thread.held == both && thread.report.commits >= 2)
        try thread.stop(now: Timestamp(ms: 5_001))
    }

    @Test func `queries see all stores of a task at the same position, even while one has no space`() throws {
        let (shelf, full) = (Shelf(), FullShelf())
        let provider = full.provider(of: shelf)
        let fixture = try ClusterFixture()
        try fixture.create(["input": 1])
        let stores = ["full": StoreKind.custom(provider), "roomy": .inMemory]
        let topology = try Topology { streams in
            let grouped = streams.stream(input).groupByKey()
            for (name, kind) in stores.sorted(by: { $0.key < $1.key }) {
                _ = grouped.count(as: Materialized(TableStoreName<String, Int64>(name), kind: kind))
            }
        }
        let thread = try fixture.thread(topology)
        try thread.runUntilIdle()
        func ask(_ store: String) throws -> QueryAnswer<Int64?>? {
            let answers = Gathered<Result<QueryAnswer<Int64?>, any Error>>()
            let task = TaskID(subtopology: 0, partition: Partition(0))
            let question = StoreQuestion(
                store: store, task: task, view: .committed, options: QueryOptions(), deadline: .seconds(1)
            ) { try ($0 as? TimestampedKeyValueStore<String, Int64>)?.get("a")?.value }
            thread.mailbox.post(untilDone: { try question.answer(from: $0, now: .zero) }) { answers.add($0) }
            try thread.runOnce(now: Timestamp(ms: 1), wait: .zero)
            return try answers.all.first?.get()
        }
        for store in stores.keys { #expect(try ask(store)?.value == .some(nil)) }
        try fixture.write("input", "a", "x", at: 1)
        try thread.runUntilIdle()
        try thread.commit(now: Timestamp(ms: 1), writeBehind: true)
        for store in stores.keys {
            let answer = try ask(store)
            #expect(answer?.value == 1 && answer?.position == [TopicPartition("input", 0): Offset(1)], "\(store)")
        }
        full.setFull(false)
        try thread.stop(now: Timestamp(ms: 2))
    }

    #if os(Linux)
        @Test(.enabled(if: TinyDisk.isPossible, "only root may mount a small disk"))
        func `RocksDB on a full disk waits, and resumes once there is space`() throws {
            let disk = try TinyDisk()
            let fixture = try ClusterFixture()
            try fixture.create(["input": 1, "out": 1])
            let topology = try topology(.rocksDB)
            let memory = StateMemory(budgetBytes: 8 << 20)
            let path = disk.path
            let thread = try fixture.thread(topology) { name in
                StoreEnvironment(directory: "\(path)/\(name)", memory: memory)
            }
            try fixture.write("input", "a", "x", at: 1)
            try thread.runUntilIdle()
            try thread.commit(now: Timestamp(ms: 1), writeBehind: true)
            try disk.fill()
            for number in 0..<2_000 {
                try fixture.write("input", "key \(number) of those that find no room", "x", at: 2)
            }
            try thread.runUntilIdle()
            try thread.commit(now: Timestamp(ms: 2), writeBehind: true)
            try fixture.write("input", "a", "x", at: 3)
            #expect(try thread.runOnce(now: Timestamp(ms: 3), wait: .zero) == 0, "the thread waits for space")
            try disk.makeRoom()
            try thread.commit(now: Timestamp(ms: 4), writeBehind: true)
            try thread.runUntilIdle(now: 5)
            try thread.stop(now: Timestamp(ms: 6))
            let next = try fixture.thread(topology) { StoreEnvironment(directory: "\(path)/\($0)", memory: memory) }
            try fixture.write("input", "a", "x", at: 4)
            try next.runUntilIdle()
            try next.stop(now: Timestamp(ms: 7))
            #expect(next.report.restored == 0)
            #expect(try fixture.read(out).filter { $0.key == "a" }.map(\.value) == [1, 2, 3])
        }

        @Test(.enabled(if: TinyDisk.isPossible, "only root may mount a small disk"))
        func `RocksDB is opened once there is space`() throws {
            let disk = try TinyDisk()
            let fixture = try ClusterFixture()
            try fixture.create(["input": 1, "out": 1])
            try fixture.write("input", "a", "x", at: 1)
            try disk.fill()
            let path = disk.path
            let memory = StateMemory(budgetBytes: 8 << 20)
            let thread = try fixture.thread(try topology(.rocksDB)) {
                StoreEnvironment(directory: "\(path)/\($0)", memory: memory)
            }
            for round: Int64 in 1...3 { try thread.runOnce(now: Timestamp(ms: round), wait: .zero) }
            #expect(thread.held.active.isEmpty && !thread.status.isRunning)
            try disk.makeRoom()
            for now: Int64 in 1_000...1_001 { try thread.runUntilIdle(now: now) }
            try thread.stop(now: Timestamp(ms: 1_002))
            #expect(try fixture.read(out).map(\.value) == [1])
        }
    #endif
}

/// Decides whether stores are full.
final class FullShelf: Sendable {
    private let isFull = Mutex(true)
    func setFull(_ full: Bool) { isFull.withLock { $0 = full } }
    func check() throws {
        if isFull.withLock({ $0 }) { throw StateError.noSpace(place: "the shelf", message: "it is full") }
    }

    /// Stores on a shelf, whose writes fail while they are full.
    /// - Parameter opens: called before a store is opened.
    func provider(
        of shelf: Shelf, opens: @escaping @Sendable (ByteStoreProvider.Place) throws -> Void = { _ in }
    ) -> ByteStoreProvider {
        ByteStoreProvider("full") { place in
            try opens(place)
            return FullableShelfStore(ShelfStore(shelf, "\(place.task)/\(place.store)"), self)
        }
    }
}

final class FullableShelfStore: CustomByteStore {
    private let inner: ShelfStore
    private let full: FullShelf
    init(_ inner: ShelfStore, _ full: FullShelf) { (self.inner, self.full) = (inner, full) }

    func get(_ key: [UInt8]) -> [UInt8]? { inner.get(key) }
    func write(_ changes: [(key: [UInt8], value: [UInt8]?)]) throws {
        try full.check()
        inner.write(changes)
    }
    func range(
        from lower: [UInt8], upTo upper: [UInt8]?, reversed: Bool
    ) -> () throws -> (key: [UInt8], value: [UInt8])? { inner.range(from: lower, upTo: upper, reversed: reversed) }
    func close() {}
    var approximateEntryCount: Int { inner.approximateEntryCount }
}

#if os(Linux)
    /// A disk of a few MiB, for this test only.
    private final class TinyDisk {
        let path = NSTemporaryDirectory() + "/moldau-tiny-\(UUID().uuidString)"
        private var ballast: String { path + "/ballast" }

        static var isPossible: Bool { (try? TinyDisk()) != nil }

        init() throws {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            guard try Self.run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", path) else {
                try FileManager.default.removeItem(atPath: path)
                throw CocoaError(.fileWriteNoPermission)
            }
        }

        deinit {
            _ = try? Self.run("umount", "-l", path)
            try? FileManager.default.removeItem(atPath: path)
        }

        func fill() throws {
            _ = FileManager.default.createFile(atPath: ballast, contents: nil)
            let file = try #require(FileHandle(forWritingAtPath: ballast))
            for size in [4096, 1] {
                while (try? file.write(contentsOf: Data(repeating: 1, count: size))) != nil {}
            }
            try file.close()
        }

        func makeRoom() throws { try FileManager.default.removeItem(atPath: ballast) }

        private static func run(_ arguments: String...) throws -> Bool {
            try SpawnedProcess("/usr/bin/env", arguments).wait() == 0
        }
    }
#endif
