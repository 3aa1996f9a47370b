import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

struct TaskCommitTests {
    /// A task that has counted one record, and its `TaskCommit`.
    private struct CountedOnce {
        let task: StreamTask
        let calls = CallLog()
        private let commit: TaskCommit
        private let globalTables: GlobalTables

        init(isTransactional: Bool) throws {
            let topology = try CountTopology.make(kind: .inMemory)
            let (names, configuration) = (
                InternalTopicNames(applicationID: "app", topology: topology), StreamsConfiguration()
            )
            let outbox = Outbox(
                names: names, producer: isTransactional ? NotingTransactions(calls) : NotingProducer(calls),
                configuration: configuration)
            let services = ThreadServices(names: names, configuration: configuration, outbox: outbox)
            let environment = StoreEnvironment(inMemory: StateMemory(budgetBytes: 1 << 20))
            let now = RoundTime(Timestamp(ms: 0))
            task = try StreamTask(
                TaskID(subtopology: 0, partition: Partition(0)), topology.subtopologies[0], environment: environment,
                services: services, now: now)
            globalTables = try GlobalTables(
                [], partitionCount: { _ in 1 }, environment: environment, services: services, now: now)
            commit = TaskCommit(
                outbox: outbox, group: { GroupMetadata(group: "app") },
                commitPositions: { [calls] in try calls.add("positions \($0.values.map(\.offset))") })
            let input = TopicPartition("input", 0)
            task.begin(at: [input: TaskPosition(offset: .zero, end: .zero)])
            var builder = RecordBatchBuilder()
            Array("a".utf8).withUnsafeBytes { builder.append(key: $0, value: $0, timestamp: Timestamp(ms: 1)) }
            let bytes = SharedBytes(copying: builder.finish())
            try task.add(
                FetchedBatches(partition: input, bytes: bytes, firstOffset: .zero, end: Offset(1)), now: now)
            _ = try task.processNext(now: now)
        }

        func run() throws {
            let now = RoundTime(Timestamp(ms: 0))
            let isDone = try commit.commit([task], globalTables: globalTables, now: now, writeBehind: true)
            try #require(isDone)
        }

        var storedUpTo: Offset? { task.stores.entries[0].store.changelogOffset }
    }

    @Test func `at least once, changelogs are sent after acknowledged output, and positions after both`() throws {
        let counted = try CountedOnce(isTransactional: false)
        try counted.run()
        #expect(
            counted.calls.take() == [
                "send counts-0", "flush", "send app-counts-store-changelog-0", "flush", "positions [1]",
            ])
        #expect(counted.storedUpTo == Offset(1))
    }

    @Test func `exactly once, everything is committed in one transaction`() throws {
        let counted = try CountedOnce(isTransactional: true)
        try counted.run()
        #expect(
            counted.calls.take() == ["send counts-0", "send app-counts-store-changelog-0", "transaction of app: [1]"])
        #expect(counted.storedUpTo == Offset(1))
    }

    @Test func `a flush continues until each rejection is handled and everything else is acknowledged`() throws {
        let topology = try CountTopology.make(kind: .inMemory)
        var configuration = StreamsConfiguration()
        configuration.onProductionFailure = { _ in .skip }
        let calls = CallLog()
        let producer = RefusingProducer(calls)
        producer.refused = ["one", "two"].map { .recordTooLarge(TopicPartition($0, 0), bytes: 2, limit: 1) }
        let outbox = Outbox(
            names: InternalTopicNames(applicationID: "app", topology: topology), producer: producer,
            configuration: configuration)
        try outbox.flush()
        #expect(outbox.drops.keys.map(\.node).sorted() == ["one", "two"])
        #expect(calls.take() == ["flush", "flush", "flush"])
    }

    @Test(arguments: [(false, "positions [1]"), (true, "transaction of app: [1]")])
    func `if offsets are rejected, stores keep nothing, and the commit can be retried`(
        isTransactional: Bool, refused: String
    ) throws {
        let counted = try CountedOnce(isTransactional: isTransactional)
        counted.calls.fail(refused)
        #expect(throws: ClusterError.self) { try counted.run() }
        #expect(counted.storedUpTo == nil)
        counted.calls.heal()
        _ = counted.calls.take()
        try counted.run()
        // Records that were sent are not sent again.
        #expect(counted.calls.take() == (isTransactional ? [] : ["flush", "flush"]) + [refused])
        #expect(counted.storedUpTo == Offset(1))
    }
}

/// Records the calls. Every topic has one partition.
private class NotingProducer: Producer {
    fileprivate let calls: CallLog
    private var ends: [TopicPartition: Offset] = [:]

    init(_ calls: CallLog) { self.calls = calls }

    func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws {
        try calls.add("send \(partition)")
        ends[partition] = (ends[partition] ?? .zero) + (Int64(try RecordBatchHeader(batch).lastOffsetDelta) + 1)
    }

    func flush() throws { try calls.add("flush") }
    func acknowledgedEnd(of partition: TopicPartition) -> Offset? { ends[partition] }
    func partitionCount(of topic: String) throws -> Int32 { 1 }
    func close() {}
}

/// Throws the rejections, one with each flush.
private final class RefusingProducer: NotingProducer {
    var refused: [ClusterError] = []

    override func flush() throws {
        try super.flush()
        if !refused.isEmpty { throw refused.removeFirst() }
    }
}

private final class NotingTransactions: NotingProducer, TransactionalProducer {
    func commit(_ offsets: [TopicPartition: CommittedOffset], of group: GroupMetadata) throws {
        try calls.add("transaction of \(group.group): \(offsets.values.map(\.offset))")
    }

    func abort() throws { try calls.add("abort") }
}
