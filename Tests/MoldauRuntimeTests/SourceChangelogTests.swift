import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Testing

/// Stores that are brought back from the topics that they are made of.
struct SourceChangelogTests {
    private let rows = Topic<String, String>("rows")
    private let questions = Topic<String, String>("questions")
    private let answers = Topic<String, String>("answers")
    private let changes = Topic<String, String>("changes")
    private let store = KeyValueStoreName<String, String>("rows-store")

    /// Answers questions with rows, and tells what became of each row.
    private func table(_ options: StoreOptions? = nil, hasTimes: Bool = false) throws -> Topology {
        let times: TimestampExtractor<String?, String?> = { record, _ in record.timestamp }
        return try Topology(TopologyOptions(optimizations: [.reuseSourceTopics])) { streams in
            let table = streams.table(rows, as: store, options: options, timestamps: hasTimes ? times : nil)
            streams.stream(questions).join(table) { _, row in row }.to(answers)
            table.toStream().to(changes)
        }
    }

    private func readOnly() throws -> Topology {
        try Topology { streams in
            streams.addReadOnlyStore(store, from: rows)
            streams.table(questions).transformValues(stores: [store.name]) { [store] context in
                let store = try context.store(store)
                return { key, _ in try store.get(key) }
            }.toStream().to(answers)
        }
    }

    private func plannedTopics(_ topology: Topology) throws -> Set<String> {
        let names = InternalTopicNames(applicationID: "app", topology: topology)
        let existing = ["rows", "questions", "answers", "changes"].reduce(into: [:]) {
            $0[$1] = TopicDescription(name: $1, partitionCount: 1, configuration: [:])
        }
        return Set(
            try TopicPlan(topology, names: names, existing: existing, newTopicPartitions: nil).missing.map(\.name))
    }

    @Test func `a table has no changelog, unless its topic says less than the table`() throws {
        #expect(try plannedTopics(try table()).isEmpty)
        #expect(try plannedTopics(try table(hasTimes: true)) == ["app-rows-store-changelog"])
        let versioned = StoreOptions(historyRetention: .seconds(1))
        #expect(try plannedTopics(try table(versioned)) == ["app-rows-store-changelog"])
        #expect(try !plannedTopics(try readOnly()).contains("app-rows-store-changelog"))
    }

    @Test(arguments: [true, false])
    func `what was committed is restored from the topic, and what follows is processed`(inMemory: Bool) throws {
        let bench = try Bench()
        try bench.create(["rows": 1, "questions": 1, "answers": 1, "changes": 1])
        try bench.write("rows", "a", "1", at: 1)
        try bench.write("rows", "b", "1", at: 2)
        let first = try bench.thread(try table(), inMemory: inMemory)
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 1))
        try bench.write("rows", "a", "2", at: 3)
        try bench.write("questions", "b", "?", at: 4)
        try bench.write("questions", "a", "?", at: 5)
        let second = try bench.thread(try table(), inMemory: inMemory)
        try second.runUntilIdle()
        try second.stop(now: Timestamp(ms: 2))
        // A store on disk knows that it holds all that was committed.
        #expect(second.report.restored == (inMemory ? 2 : 0))
        #expect(try bench.read(answers).map(\.value) == ["1", "2"])
        #expect(try bench.read(changes).map(\.value) == ["1", "1", "2"])
    }

    @Test(arguments: [true, false])
    func `a row that was processed and not committed is not restored`(inMemory: Bool) throws {
        let bench = try Bench()
        try bench.create(["rows": 1, "questions": 1, "answers": 1, "changes": 1])
        for (time, isCommitted) in [(1, true), (2, true), (3, false)] as [(Int64, Bool)] {
            try bench.write("rows", "a", "\(time)", at: time)
            let thread = try bench.thread(try table(), inMemory: inMemory)
            try thread.runUntilIdle()
            if isCommitted { try thread.commit(now: Timestamp(ms: time)) }
            try thread.close()
        }
        let thread = try bench.thread(try table(), inMemory: inMemory)
        while thread.phase == .restoring { try thread.runOnce(now: Timestamp(ms: 4), wait: .zero) }
        let store = try #require(thread.tasks.first?.stores.first?.store as? TimestampedKeyValueStore<String, String>)
        #expect(try store.get("a") == ValueAndTimestamp("2", at: Timestamp(ms: 2)))
        #expect(thread.report.restored == (inMemory ? 2 : 0))
        try thread.close()
    }

    @Test func `a read-only store is there after a restart`() throws {
        let bench = try Bench()
        try bench.create(["rows": 2, "questions": 2, "answers": 1])
        try bench.write("rows", "a", "1", at: 1, partition: 1)
        let first = try bench.thread(try readOnly())
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 1))
        try bench.write("questions", "a", "?", at: 2, partition: 1)
        let second = try bench.thread(try readOnly())
        try second.runUntilIdle()
        try second.stop(now: Timestamp(ms: 2))
        #expect(second.report.restored == 1)
        #expect(try bench.read(answers).map(\.value) == ["1"])
    }
}
