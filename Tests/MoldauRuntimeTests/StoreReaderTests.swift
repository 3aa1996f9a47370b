import Foundation
import Moldau
import MoldauCluster
import MoldauTopology
import Testing

@testable import MoldauRuntime

/// Queries of running applications.
struct StoreReaderTests {
    private static let visits = Topic<String, String>("visits")
    private static let counts = TableStoreName<String, Int64>("counts")
    private static let hourly = WindowStoreName<String, Int64>("hourly")
    private static let sessions = SessionStoreName<String, Int64>("sessions")
    private static let prices = Topic<String, String>("prices")
    private static let history = VersionedStoreName<String, String>("history", historyRetention: .seconds(3_600))
    private static let currencies = Topic<String, String>("currencies")
    private static let names = TableStoreName<String, String>("names")

    private static func topology() throws -> Topology {
        try Topology { streams in
            let grouped = streams.stream(visits).groupByKey()
            _ = grouped.count(as: counts)
            _ = grouped.windowedBy(.tumbling(.seconds(10), grace: .seconds(60))).count(as: hourly)
            _ = grouped.windowedBy(.sessions(gap: .seconds(5), grace: .seconds(60))).count(as: sessions)
            _ = streams.table(prices, as: history)
            _ = streams.globalTable(currencies, as: names)
        }
    }

    /// Runs the topology, with two partitions on two threads.
    private func running(
        _ configure: (inout StreamsConfiguration) -> Void = { _ in },
        _ body: (StreamsApplication, ClusterFixture) async throws -> Void
    ) async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 2, "prices": 2, "currencies": 1])
        var configuration = StreamsConfiguration()
        (configuration.streamThreads, configuration.commitInterval) = (2, .milliseconds(20))
        configure(&configuration)
        let app = StreamsApplication(
            id: "app", topology: try Self.topology(), cluster: .cluster(fixture.cluster, stateDirectory: nil),
            configuration: configuration)
        try await app.started()
        try await body(app, fixture)
        try await app.stopped()
    }

    /// Writes a visit to the partition of its key.
    private func visit(_ key: String, at time: Int64, _ fixture: ClusterFixture) throws -> Int32 {
        try fixture.write("visits", key, "x", at: time, partition: Self.partition(of: key))
        return Self.partition(of: key)
    }

    private static func partition(of key: String) -> Int32 {
        Array(key.utf8).withUnsafeBytes { Partitioner.partition(ofKey: $0, count: 2).number }
    }

    /// Its keys would be encoded in another way than the store's.
    @Test func `a name with other serdes than the store's is refused`() async throws {
        let app = StreamsApplication(
            id: "app", topology: try Self.topology(),
            cluster: .cluster(try ClusterFixture().cluster, stateDirectory: nil))
        for (name, part, wanted, held) in [
            (TableStoreName("counts", key: String.serde, value: Serde<Int64>.json), "values", "json", "int64"),
            (TableStoreName("counts", key: Serde<String>.json, value: Int64.serde), "keys", "json", "utf8"),
        ] {
            #expect(
                throws: QueryError.wrongType(
                    store: "counts", expected: "store of \(wanted) \(part)", found: "store of \(held) \(part)")
            ) { try app.store(name) }
        }
        _ = try app.store(TableStoreName<String, Int64>("counts"))
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `a key is read from the task that has it, up to the requested position`(
        guarantee: ProcessingGuarantee
    ) async throws {
        try await running({ $0.guarantee = guarantee }) { app, fixture in
            var table = try app.store(Self.counts)
            var written: [Int32: Int64] = [:]
            for round in 1...3 as ClosedRange<Int64> {
                for number in 0..<20 { written[try visit("k\(number)", at: round, fixture), default: 0] += 1 }
                // A transaction's marker takes an offset, too.
                let ends = try fixture.consumer.ends(of: [TopicPartition("visits", 0), TopicPartition("visits", 1)])
                table.options.atLeast = ends
                for number in 0..<20 {
                    let answer = try await table.get("k\(number)")
                    #expect(answer.value == ValueAndTimestamp(round, at: Timestamp(ms: round)))
                    #expect(answer.position.count == 1 && answer.lag.isEmpty)
                }
                #expect(try await table.get("nobody").value == nil)
            }
        }
    }

    @Test(arguments: [ProcessingGuarantee.atLeastOnce, .exactlyOnce])
    func `many keys are read at once, each from the task that has it`(guarantee: ProcessingGuarantee) async throws {
        try await running({ $0.guarantee = guarantee }) { app, fixture in
            var table = try app.store(Self.counts)
            for number in 0..<300 { for _ in 0...(number % 3) { _ = try visit("k\(number)", at: 1, fixture) } }
            let ends = try fixture.consumer.ends(of: [TopicPartition("visits", 0), TopicPartition("visits", 1)])
            table.options.atLeast = ends
            // Some twice, and some that do not exist.
            let numbers = Array((0..<320).reversed()) + [7, 7]
            let answer = try await table.get(numbers.map { "k\($0)" })
            let expected = numbers.map { $0 < 300 ? Int64($0 % 3 + 1) : nil }
            #expect(answer.value.map { $0?.value } == expected)
            #expect(answer.position.keys.sorted() == ends.keys.sorted() && answer.lag.isEmpty)
            let none = try await table.get([String]())
            #expect(none.value.isEmpty && none.position.isEmpty)
        }
    }

    @Test func `entries of all tasks are listed in key order, in pages`() async throws {
        try await running { app, fixture in
            var table = try app.store(Self.counts)
            for number in 0..<700 { _ = try visit("k\(1_000 + number)", at: 1, fixture) }
            table.options.atLeast = try fixture.consumer.ends(
                of: [TopicPartition("visits", 0), TopicPartition("visits", 1)])
            let keys = (0..<700).map { "k\(1_000 + $0)" }
            #expect(try await table.all().value.entries.map(\.key) == keys)
            #expect(try await table.all(reverse: true).value.entries.map(\.key) == keys.reversed())
            #expect(
                try await table.range(from: "k1010", to: "k1012").value.entries.map(\.key) == [
                    "k1010", "k1011", "k1012",
                ])
            #expect(try await table.prefixScan("k12").value.entries.count == 100)
            for reverse in [false, true] {
                var (found, place, pages): ([String], StorePlace?, Int) = ([], nil, 0)
                repeat {
                    let page = try await table.all(reverse: reverse, limit: 300, after: place).value
                    #expect(page.entries.count <= 300)
                    (found, place, pages) = (found + page.entries.map(\.key), page.next, pages + 1)
                } while place != nil
                #expect(found == (reverse ? keys.reversed() : keys) && pages == 3)
            }
            table.options.partition = Partition(0)
            let half = try await table.all()
            #expect(half.value.entries.count > 200 && half.value.entries.count < 500)
        }
    }

    @Test func `windows, sessions, versioned tables and global tables can be queried`() async throws {
        try await running { app, fixture in
            for time in [0, 1, 12_000, 25_000] as [Int64] { _ = try visit("ada", at: time, fixture) }
            _ = try visit("bob", at: 12_500, fixture)
            for (time, price) in [(1_000, "5"), (2_000, "6")] as [(Int64, String)] {
                try fixture.write("prices", "tea", price, at: time, partition: Self.partition(of: "tea"))
            }
            try fixture.write("currencies", "EUR", "Euro", at: 0)
            let windows = try app.store(Self.hourly)
            #expect(try await eventuallyAnswers(3) { try await windows.windows(of: "ada").value.entries.count })
            let ada = try await windows.windows(of: "ada").value.entries
            #expect(ada.map(\.key.window.start.ms) == [0, 10_000, 20_000] && ada.map(\.row.value) == [2, 1, 1])
            let newest = try await windows.windows(of: "ada", reverse: true, limit: 1).value.entries
            #expect(newest.map(\.key.window.start.ms) == [20_000])
            let early = try await windows.windows(of: "ada", from: Timestamp(ms: 1), to: Timestamp(ms: 10_000))
            #expect(early.value.entries.map(\.key.window.start.ms) == [10_000])
            #expect(try await windows.fetch("ada", at: Timestamp(ms: 0)).value?.value == 2)
            #expect(try await eventuallyAnswers(4) { try await windows.windows().value.entries.count })

            let sessions = try app.store(Self.sessions)
            let found = try await sessions.sessions(of: "ada").value.entries
            #expect(found.map(\.key.window.end.ms) == [1, 12_000, 25_000] && found.map(\.row) == [2, 1, 1])
            #expect(try await sessions.fetch(try #require(found.first).key).value == 2)
            #expect(try await sessions.sessions().value.entries.count == 4)

            let history = try app.store(Self.history)
            #expect(try await eventuallyAnswers("6") { try await history.get("tea").value?.value })
            #expect(try await history.get("tea", asOf: Timestamp(ms: 1_500)).value?.value == "5")
            #expect(try await history.get("tea", asOf: Timestamp(ms: 500)).value == nil)
            let names = try app.store(Self.names)
            #expect(try await eventuallyAnswers("Euro") { try await names.get("EUR").value?.value })
            #expect(try await names.all().value.entries.map(\.key) == ["EUR"])
        }
    }

    @Test func `the committed view changes with a commit, the newest view with each record`() async throws {
        try await running({ $0.commitInterval = .seconds(3_600) }) { app, fixture in
            var table = try app.store(Self.counts)
            table.options.view = .committed
            #expect(try await table.get("ada").value == nil)
            let partition = TopicPartition("visits", try visit("ada", at: 1, fixture))
            table.options.view = .newest
            table.options.atLeast = [partition: Offset(1)]
            let answer = try await table.get("ada")
            #expect(answer.value?.value == 1 && answer.position[partition] == Offset(1) && answer.age == .zero)
            table.options.atLeast = [:]
            table.options.view = .committed
            let committed = try await table.get("ada")
            #expect(committed.value == nil && committed.position[partition] ?? .zero == .zero)
            // Nothing is committed: the wait ends with an error.
            table.options.atLeast = [partition: Offset(1)]
            table.options.timeout = .milliseconds(50)
            await #expect(throws: QueryError.self) { try await table.get("ada") }
            table.options.atLeast = [TopicPartition("elsewhere", 0): Offset(1)]
            await #expect(
                throws: QueryError.notAnInput(topic: "elsewhere", store: "counts", inputs: ["visits"])
            ) { try await table.get("ada") }
        }
    }

    @Test func `a waiting query ends when its task is cancelled`() async throws {
        // The test's own executor, since other tests keep Swift's threads busy.
        let executor = QueueExecutor()
        try await running { app, fixture in
            var table = try app.store(Self.counts)
            table.options.atLeast = [TopicPartition("visits", Self.partition(of: "ada")): Offset(1)]
            table.options.timeout = .seconds(20)
            let ended = Gathered<ContinuousClock.Instant>()
            let asking = Task(executorPreference: executor) { [table] in
                defer { ended.add(.now) }
                return try await table.get("ada")
            }
            #expect(try eventually(within: .milliseconds(100)) { !ended.all.isEmpty } == false)
            let begin = ContinuousClock.now
            asking.cancel()
            await #expect(throws: CancellationError.self) { try await asking.value }
            #expect(try #require(ended.all.first) - begin < .seconds(10))
            // A query that is cancelled before it begins ends, too.
            let late = Task(executorPreference: executor) { [table] in
                while !Task.isCancelled { await Task.yield() }
                return try await table.get("ada")
            }
            late.cancel()
            await #expect(throws: CancellationError.self) { try await late.value }
            _ = try visit("ada", at: 1, fixture)
            #expect(try await table.get("ada").value?.value == 1)
        }
    }

    @Test func `unknown names, names of another type and unknown partitions are rejected`() async throws {
        try await running { app, _ in
            let known = ["counts", "history", "hourly", "names", "sessions"]
            #expect(throws: QueryError.unknownStore("count", known: known)) {
                try app.store(TableStoreName<String, Int64>("count"))
            }
            #expect(
                throws: QueryError.wrongType(
                    store: "counts", expected: "KeyValueStore<String, Int64>",
                    found: "TimestampedKeyValueStore<String, Int64>")
            ) { try app.store(KeyValueStoreName<String, Int64>("counts")) }
            var table = try app.store(Self.counts)
            table.options.partition = Partition(2)
            await #expect(throws: QueryError.unknownPartition(Partition(2), store: "counts", count: 2)) {
                try await table.get("ada")
            }
        }
    }

    @Test func `a query of an application that does not run fails or waits for the start`() async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 2, "prices": 2, "currencies": 1])
        let app = StreamsApplication(
            id: "app", topology: try Self.topology(), cluster: .cluster(fixture.cluster, stateDirectory: nil))
        var impatient = QueryOptions()
        impatient.timeout = .milliseconds(50)
        await #expect(throws: QueryError.notRunning(.created)) {
            try await app.store(Self.counts, impatient).get("ada")
        }
        // A query waits for the start.
        let table = try app.store(Self.counts)
        async let early = table.get("ada")
        try await app.started()
        #expect(try await early.value == nil)
        try await app.stopped()
        await #expect(throws: QueryError.notRunning(.notRunning)) { try await table.get("ada") }
    }

    @Test func `a standby copy answers only if stale answers are allowed, and reports its lag`() async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 1, "prices": 1, "currencies": 1])
        try fixture.write("visits", "ada", "x", at: 1)
        let thread = try fixture.thread(try Self.topology())
        try thread.runUntilIdle()
        try thread.commit(now: Timestamp(ms: 0))
        let task = TaskID(subtopology: 0, partition: Partition(0))
        func ask(_ options: QueryOptions) throws -> Result<QueryAnswer<Int64?>, any Error>? {
            let answers = Gathered<Result<QueryAnswer<Int64?>, any Error>>()
            let question = StoreQuestion(
                store: "counts", task: task, view: .newest, options: options, deadline: .seconds(1)
            ) { try ($0 as? TimestampedKeyValueStore<String, Int64>)?.get("ada")?.value }
            thread.mailbox.post(untilDone: { try question.answer(from: $0, now: .zero) }) { answers.add($0) }
            try thread.runOnce(now: Timestamp(ms: 0), wait: .zero)
            return answers.all.first
        }
        #expect(try ask(QueryOptions())?.get().value == 1)
        thread.granted.active[task] = nil
        thread.granted.standby[task] = 1
        try thread.runOnce(now: Timestamp(ms: 0), wait: .zero)
        #expect(throws: QueryError.self) { try ask(QueryOptions())?.get() }
        var stale = QueryOptions()
        stale.allowsStale = true
        for _ in 0..<5 { try thread.runOnce(now: Timestamp(ms: 0), wait: .zero) }
        let answer = try #require(try ask(stale)?.get())
        #expect(answer.value == 1 && answer.position.isEmpty)
        #expect(answer.lag.map(\.records) == [0] && answer.lag.map(\.isStandby) == [true])
        // A copy does not know its position: a query that requires one waits for the task.
        stale.atLeast = [TopicPartition("visits", 0): Offset(1)]
        #expect(try ask(stale) == nil)
        thread.granted = TaskSet(active: [task: 1])
        try thread.runUntilIdle()
        #expect(try ask(stale)?.get().position == stale.atLeast)
        try thread.close()
    }

    @Test func `during a task's restore, the answer of each store reports its lag and no position`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 1])
        try fixture.write("visits", "ada", "x", at: 1)
        let topology = try Topology { streams in
            let visits = streams.stream(Self.visits)
            _ = visits.groupByKey().count(as: Self.counts)
            _ = visits.filter { _, _ in false }.groupByKey().count(as: TableStoreName<String, Int64>("empty"))
        }
        let first = try fixture.thread(topology)
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 0))
        let thread = try fixture.thread(topology)
        var options = QueryOptions()
        options.allowsStale = true
        for (store, lag) in [("empty", 0), ("counts", 1)] as [(String, Int64)] {
            let answers = Gathered<Result<QueryAnswer<Int64?>, any Error>>()
            let question = StoreQuestion(
                store: store, task: TaskID(subtopology: 0, partition: Partition(0)), view: .committed,
                options: options, deadline: .seconds(1)
            ) { try ($0 as? TimestampedKeyValueStore<String, Int64>)?.get("ada")?.value }
            thread.mailbox.post(untilDone: { try question.answer(from: $0, now: .zero) }) { answers.add($0) }
            thread.mailbox.answer(with: thread.contents, isNewRound: true)
            let answer = try #require(answers.all.first).get()
            #expect(answer.value == nil && answer.position.isEmpty && answer.lag.map(\.records) == [lag])
        }
        try thread.close()
    }

    @Test func `concurrent queries get answers that never go back while threads are added and removed`() async throws {
        try await running({ ($0.commitInterval, $0.guarantee) = (.milliseconds(5), .exactlyOnce) }) { app, fixture in
            let table = try app.store(Self.counts)
            try await withThrowingTaskGroup(of: Int64.self) { group in
                for reader in 0..<8 {
                    group.addTask {
                        var last: Int64 = 0
                        for _ in 0..<200 {
                            let count = try await table.get("k\(reader % 4)").value?.value ?? 0
                            #expect(count >= last)
                            last = count
                        }
                        return last
                    }
                }
                for round in 0..<40 {
                    for number in 0..<4 { _ = try visit("k\(number)", at: Int64(round), fixture) }
                    if round == 10 { _ = try await app.addThread() }
                    if round == 25 { _ = try await app.removeThread() }
                    await Task.yield()
                }
                for try await last in group { #expect(last <= 40) }
            }
            #expect(try await eventuallyAnswers(40) { try await table.get("k0").value?.value })
        }
    }

    @Test func `after a restart, a global table's committed view is at the end of its topic`() throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 1, "prices": 1, "currencies": 1])
        func thread() throws -> StreamThread { try fixture.thread(try Self.topology(), inMemory: false) }
        try fixture.write("currencies", "a", "old", at: 1)
        let first = try thread()
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 0))
        try fixture.write("currencies", "a", "new", at: 2)
        let second = try thread()
        while second.phase == .restoring { try second.runOnce(now: Timestamp(ms: 0), wait: .zero) }
        let answer = try #require(second.contents.globalStore(Self.names.name, .committed))
        #expect(answer.lag.isEmpty && answer.position == [TopicPartition("currencies", 0): Offset(2)])
        try second.stop(now: Timestamp(ms: 0))
    }
}

/// Whether a query eventually gives the expected answer.
private func eventuallyAnswers<Value: Equatable>(
    _ expected: Value, _ query: () async throws -> Value?
) async throws -> Bool {
    for _ in 0..<2_000 {
        if try await query() == expected { return true }
        try await Task.sleep(for: .milliseconds(5))
    }
    return false
}
