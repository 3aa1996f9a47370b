import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import Testing

/// Stores with the content of topics, from which they are restored.
struct ReadOnlyStoreTests {
    private let rows = Topic<String, String>("rows")
    private let questions = Topic<String, String>("questions")
    private let answers = Topic<String, String>("answers")
    private let store = ReadOnlyStoreName<String, String>("rows-store")

    private func topology(start: StartPosition = .earliest) throws -> Topology {
        try Topology { streams in
            streams.addReadOnlyStore(store, from: rows, start: start)
            streams.table(questions).transformValues(stores: [store]) { [store] context in
                let store = try context.store(store)
                return { key, _ in try store.get(key) }
            }.toStream().to(answers)
        }
    }

    private func plannedTopics(_ topology: Topology) throws -> Set<String> {
        let names = InternalTopicNames(applicationID: "app", topology: topology)
        let existing = ["rows", "questions", "answers"].reduce(into: [:]) {
            $0[$1] = TopicDescription(name: $1, partitionCount: 1, configuration: [:])
        }
        return Set(
            try TopicPlan(topology, names: names, existing: existing, newTopicPartitions: nil).missing.map(\.name))
    }

    @Test func `a read-only store has no changelog, unless it starts after its topic's beginning`() throws {
        #expect(try !plannedTopics(try topology()).contains("app-rows-store-changelog"))
        #expect(try plannedTopics(try topology(start: .latest)).contains("app-rows-store-changelog"))
    }

    /// A store on disk already has everything that was committed.
    @Test(arguments: [true, false])
    func `a read-only store is available after a restart, and reads the records written since`(inMemory: Bool) throws {
        let fixture = try ClusterFixture()
        try fixture.create(["rows": 2, "questions": 2, "answers": 1])
        try fixture.write("rows", "a", "1", at: 1, partition: 1)
        try fixture.write("rows", "b", "1", at: 1, partition: 1)
        let first = try fixture.thread(try topology(), inMemory: inMemory)
        try first.runUntilIdle()
        try first.stop(now: Timestamp(ms: 1))
        try fixture.write("rows", "b", "2", at: 2, partition: 1)
        try fixture.write("questions", "a", "?", at: 3, partition: 1)
        try fixture.write("questions", "b", "?", at: 4, partition: 1)
        let second = try fixture.thread(try topology(), inMemory: inMemory)
        try second.runUntilIdle()
        try second.stop(now: Timestamp(ms: 2))
        #expect(second.report.restored == (inMemory ? 2 : 0))
        #expect(try fixture.read(answers).map(\.value) == ["1", "2"])
    }

    @Test(arguments: [true, false])
    func `a row that was processed and not committed is not restored`(inMemory: Bool) throws {
        let fixture = try ClusterFixture()
        try fixture.create(["rows": 1, "questions": 1, "answers": 1])
        for (time, isCommitted) in [(1, true), (2, true), (3, false)] as [(Int64, Bool)] {
            try fixture.write("rows", "a", "\(time)", at: time)
            let thread = try fixture.thread(try topology(), inMemory: inMemory)
            try thread.runUntilIdle()
            if isCommitted { try thread.commit(now: Timestamp(ms: time)) }
            try thread.close()
        }
        let thread = try fixture.thread(try topology(), inMemory: inMemory)
        while thread.phase == .restoring { try thread.runOnce(now: Timestamp(ms: 4), wait: .zero) }
        let stores = thread.tasks.flatMap(\.stores.entries).compactMap {
            $0.store as? ReadOnlyKeyValueStore<String, String>
        }
        #expect(try #require(stores.first).get("a") == "2")
        #expect(thread.report.restored == (inMemory ? 2 : 0))
        try thread.close()
    }
}
