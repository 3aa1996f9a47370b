import Moldau
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTesting
import MoldauTopology
import Testing

struct PartitionGroupTests {
    /// A task in memory that reads `left` and `right` and gathers the values that it processes.
    private func task(
        idling: TaskIdling, ends: (left: Int64, right: Int64)
    ) throws -> (task: StreamTask, seen: Gathered<String>) {
        let seen = Gathered<String>()
        var topology = Topology()
        try topology.addSource("source", reading: [Topic<String, String>("left"), Topic<String, String>("right")])
        try topology.addProcessor("see", after: ["source"]) {
            (record: Record<String, String>, _, _: Inlet<String, String>.Receive) in seen.add(record.value)
        }
        var configuration = StreamsConfiguration()
        configuration.taskIdling = idling
        let names = InternalTopicNames(applicationID: "app", topology: topology)
        let producer = try ClusterFixture().cluster.makeProducer(clientID: "test")
        let task = try StreamTask(
            TaskID(subtopology: 0, partition: Partition(0)), topology.subtopologies[0],
            environment: StoreEnvironment(inMemory: StateMemory(budgetBytes: 1 << 20)),
            services: ThreadServices(
                names: names, configuration: configuration,
                outbox: Outbox(names: names, producer: producer, configuration: configuration)),
            now: RoundTime(Timestamp(ms: 0)))
        task.begin(at: [
            TopicPartition("left", 0): TaskPosition(offset: .zero, end: Offset(ends.left)),
            TopicPartition("right", 0): TaskPosition(offset: .zero, end: Offset(ends.right)),
        ])
        return (task, seen)
    }

    private func batch(_ topic: String, _ records: [(value: String, time: Int64)], end: Int64? = nil) -> FetchedBatches
    {
        var builder = RecordBatchBuilder()
        for (value, time) in records {
            var value = value
            value.withUTF8 {
                builder.append(
                    key: UnsafeRawBufferPointer($0), value: UnsafeRawBufferPointer($0), timestamp: Timestamp(ms: time))
            }
        }
        return FetchedBatches(
            partition: TopicPartition(topic, 0), bytes: SharedBytes(copying: builder.finish()), firstOffset: .zero,
            end: Offset(end ?? Int64(records.count)))
    }

    private func drain(_ task: StreamTask, now: Int64 = 0) throws {
        while try task.processNext(now: Timestamp(ms: now)) {}
    }

    @Test func `fetched bytes that end within a batch leave nothing that is read later`() throws {
        let (task, seen) = try task(idling: .never, ends: (2, 0))
        let (first, second) = (batch("left", [("l1", 1)], end: 2), batch("left", [("l2", 2)]))
        let bytes = Array(first.bytes.bytes) + Array(second.bytes.bytes.prefix(62))
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 16)
        defer { memory.deallocate() }
        memory.copyBytes(from: bytes)
        let cut = try #require(SharedBytes(viewing: UnsafeRawBufferPointer(memory), of: seen))
        try task.add(
            FetchedBatches(partition: first.partition, bytes: cut, firstOffset: .zero, end: Offset(2)),
            now: Timestamp(ms: 0))
        try drain(task)
        // The memory may have been reused by now.
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        try task.add(second, now: Timestamp(ms: 0))
        try drain(task)
        #expect(seen.all == ["l1", "l2"])
    }

    @Test func `records are ordered by offset within a partition, and by timestamp across partitions`() throws {
        let (task, seen) = try task(idling: .never, ends: (3, 2))
        try task.add(batch("left", [("l10", 10), ("l1", 1), ("l20", 20)]), now: Timestamp(ms: 0))
        try task.add(batch("right", [("r5", 5), ("r15", 15)]), now: Timestamp(ms: 0))
        try drain(task)
        #expect(seen.all == ["r5", "l10", "l1", "r15", "l20"])
        #expect(task.context.streamTime == Timestamp(ms: 20))
    }

    @Test func `waits for a partition that has more records on the cluster, and reports it`() throws {
        let (task, seen) = try task(idling: .untilCaughtUp, ends: (1, 1))
        try task.add(batch("left", [("l10", 10)]), now: Timestamp(ms: 0))
        try drain(task)
        #expect(seen.all == [])
        #expect(task.awaited == [TopicPartition("right", 0)])
        try task.add(batch("right", [("r5", 5)]), now: Timestamp(ms: 0))
        try drain(task)
        #expect(seen.all == ["r5", "l10"])
    }

    @Test func `does not wait for a partition that is read to its end`() throws {
        let (task, seen) = try task(idling: .untilCaughtUp, ends: (1, 0))
        try task.add(batch("left", [("l10", 10)]), now: Timestamp(ms: 0))
        try drain(task)
        #expect(seen.all == ["l10"])
    }

    @Test func `without idling, available records are processed at once`() throws {
        let (task, seen) = try task(idling: .never, ends: (1, 1))
        try task.add(batch("left", [("l10", 10)]), now: Timestamp(ms: 0))
        try drain(task)
        #expect(seen.all == ["l10"])
    }

    @Test func `idles up to the configured time for records that are still to be written`() throws {
        let (task, seen) = try task(idling: .upTo(.milliseconds(30)), ends: (1, 0))
        try task.add(batch("left", [("l10", 10)]), now: Timestamp(ms: 0))
        try drain(task, now: 100)
        try drain(task, now: 129)
        #expect(seen.all == [])
        try drain(task, now: 130)
        #expect(seen.all == ["l10"])
    }

    @Test func `records with negative timestamps are dropped and counted, and their offsets committed`() throws {
        let (task, seen) = try task(idling: .never, ends: (2, 0))
        try task.add(batch("left", [("none", -1), ("l1", 1)]), now: Timestamp(ms: 0))
        try drain(task)
        #expect(seen.all == ["l1"])
        #expect(task.context.drops.mapValues(\.count) == [DropKey(node: "source", reason: .negativeTimestamp): 1])
        #expect(task.offsetsToCommit()[TopicPartition("left", 0)]?.offset == Offset(2))
    }

    @Test func `records before one that cannot be read are processed first`() throws {
        let (task, seen) = try task(idling: .never, ends: (3, 0))
        let whole = batch("left", [("l1", 1), ("l2", 2), ("l3", 3)])
        var bytes = Array(whole.bytes.bytes)
        // The last record, eleven bytes long, claims to be longer than the batch.
        bytes[bytes.count - 11] = 0x7e
        let damaged = FetchedBatches(
            partition: whole.partition, bytes: SharedBytes(copying: bytes), firstOffset: .zero, end: whole.end)
        try task.add(damaged, now: Timestamp(ms: 0))
        #expect(throws: RecordBatchError.malformed(baseOffset: .zero, field: .recordLength)) { try drain(task) }
        #expect(seen.all == ["l1", "l2"])
        #expect(task.offsetsToCommit()[whole.partition]?.offset == Offset(2))
    }

    @Test func `a partition's buffered bytes are counted until its last record is processed`() throws {
        let (task, _) = try task(idling: .never, ends: (2, 0))
        let fetched = batch("left", [("l1", 1), ("l2", 2)])
        try task.add(fetched, now: Timestamp(ms: 0))
        _ = try task.processNext(now: Timestamp(ms: 0))
        #expect(task.bufferedBytes(of: fetched.partition) == fetched.bytes.count)
        try drain(task)
        #expect(task.bufferedBytes(of: fetched.partition) == 0)
    }

    @Test func `closes every node, parents first, even when one throws`() throws {
        struct Refused: Error {}
        let closed = Gathered<String>()
        var topology = Topology()
        try topology.addSource("source", reading: [CountTopology.input])
        for (name, parent) in [("first", "source"), ("second", "first")] {
            try topology.add(
                TopologyNode(
                    name,
                    .processor { context in
                        context.task.onClose {
                            closed.add(name)
                            if name == "first" { throw Refused() }
                        }
                        return try context.next(String.self, String.self)
                    }, parents: [parent]))
        }
        let driver = try TopologyTestDriver(topology, state: .memory)
        #expect(throws: Refused.self) { try driver.close() }
        #expect(closed.all == ["first", "second"])
    }
}
