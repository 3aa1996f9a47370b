import Foundation
@testable import MoldauClient
import MoldauRecords
import MoldauWire
import Synchronization
import Testing

@Suite struct OffsetQuestionTests {
    private let partition = TopicPartition("t", 0)

    private func fill(_ broker: TestBroker, _ times: [Int64]) async throws {
        let producer = try Producer(to: topic, cluster: broker.client)
        for time in times { try await producer.send("k", "\(time)", timestamp: Timestamp(ms: time)) }
        await producer.close()
    }

    private func consumer(
        _ broker: TestBroker, _ change: (inout ConsumerOptions) -> Void = { _ in }
    ) throws -> Consumer<String, String> {
        var options = ConsumerOptions()
        change(&options)
        return try Consumer([topic], assigned: [partition], cluster: broker.client, options: options)
    }

    @Test func `offsets are found by timestamp, and at the beginning and the end`() async throws {
        try await withBroker(topics: ["t": 2]) { broker in
            try await fill(broker, [1_000, 2_000, 3_000])
            let consumer = try consumer(broker)
            let other = TopicPartition("t", 1)
            // The keys are equal, so all records are in one partition.
            let (full, empty) =
                try await consumer.endOffsets([partition])[partition] == Offset(3)
                ? (partition, other) : (other, partition)
            let found = try await consumer.offsetsForTimes([
                full: Timestamp(ms: 1_500), empty: Timestamp(ms: 0),
            ])
            #expect(found.count == 1 && found[full]?.offset == Offset(1))
            #expect(found[full]?.timestamp == Timestamp(ms: 2_000))
            #expect(try await consumer.offsetsForTimes([full: Timestamp(ms: 3_001)]).isEmpty)
            #expect(try await consumer.beginningOffsets([full, empty]) == [full: .zero, empty: .zero])
            #expect(try await consumer.endOffsets([full, empty]) == [full: Offset(3), empty: .zero])
            await consumer.close()
        }
    }

    @Test func `a partition that does not exist is reported`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            let consumer = try consumer(broker) { $0.apiTimeout = .milliseconds(300) }
            do {
                _ = try await consumer.endOffsets([TopicPartition("t", 7)])
                Issue.record("the partition has an end offset")
            } catch ClientError.unknownPartition(let wanted, let count) {
                #expect(wanted == TopicPartition("t", 7) && count == 1)
            }
            await consumer.close()
        }
    }

    /// Brokers learn of new partitions at different times.
    @Test func `a request for a new partition waits until it exists`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            let (consumer, new) = (try consumer(broker), TopicPartition("t", 1))
            async let ends = consumer.endOffsets([new])
            try await Task.sleep(for: .milliseconds(200))
            let admin = try AdminClient(cluster: broker.client)
            try await admin.createPartitions(["t": 2]).all()
            #expect(try await ends == [new: .zero])
            await admin.close()
            await consumer.close()
        }
    }

    @Test func `a request is repeated if the leader does not know yet that it leads`() async throws {
        let cluster = FakeCoordinator()
        cluster.fail(.listOffsets, .refused(.unknownTopicOrPartition))
        var options = AdminOptions()
        options.unknownTopicPatience = .zero
        let admin = AdminClient(cluster.client, options, cluster)
        let found = try await admin.listOffsets([partition: .latest]).all()
        #expect(found[partition]?.offset == .zero)
        #expect(cluster.seen.filter { $0.api == .listOffsets }.count == 2)
        await admin.close()
    }

    @Test func `with a reset by duration, reading begins at the first record that is not older`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            let now = Timestamp(ms: Int64(Date().timeIntervalSince1970 * 1_000))
            try await fill(broker, [now.ms - 7_200_000, now.ms - 1_800_000, now.ms - 60_000])
            let last = try consumer(broker) { $0.offsetReset = .byDuration(.seconds(3_600)) }
            var values: [String] = []
            while values.count < 2 { values += try await last.poll().map(\.value) }
            #expect(values == ["\(now.ms - 1_800_000)", "\(now.ms - 60_000)"])
            await last.close()
            // All records are older: only new ones are read.
            let next = try consumer(broker) { $0.offsetReset = .byDuration(.seconds(1)) }
            #expect(try await next.poll(within: .milliseconds(300)).isEmpty)
            try await fill(broker, [now.ms])
            values = []
            while values.isEmpty { values += try await next.poll().map(\.value) }
            #expect(values == ["\(now.ms)"])
            await next.close()
        }
    }

    @Test func `a negative duration is refused`() throws {
        var options = ConsumerOptions()
        options.offsetReset = .byDuration(.seconds(-1))
        let client = try ClientOptions(bootstrapServers: "localhost:1")
        #expect(throws: ClientError.self) {
            try Consumer([topic], assigned: [partition], cluster: client, options: options)
        }
    }
}
