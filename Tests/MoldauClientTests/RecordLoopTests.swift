import MoldauClient
import MoldauRecords
import Testing

/// Which records count as returned during and after a loop over `Consumer.records`: the consumer polls ahead of it.
@Suite struct RecordLoopTests {
    private let partition = TopicPartition("t", 0)

    private func consumer(
        _ broker: TestBroker, _ change: (inout ConsumerOptions) -> Void = { _ in }
    ) throws -> Consumer<String, String> {
        var options = ConsumerOptions(group: "g")
        options.offsetReset = .earliest
        options.autoCommitInterval = .seconds(3_600)
        change(&options)
        return try Consumer([topic], assigned: [partition], cluster: broker.client, options: options)
    }

    @Test(.timeLimit(.minutes(1)), arguments: [4, 500])
    func `a commit within a loop covers at most the current record`(maxPollRecords: Int) async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<10)
            let consumer = try consumer(broker) {
                $0.commitsAutomatically = false
                $0.maxPollRecords = maxPollRecords
            }
            for try await record in consumer.records {
                let next = Offset(record.offset.value + 1)
                try await consumer.commit()
                #expect(try await consumer.committed([partition]) == [partition: next])
                #expect(consumer.position(partition) == next && consumer.lag(partition) == 10 - next.value)
                if record.value == "9" { break }
            }
            await consumer.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `closing a consumer after a loop commits the records that the loop returned`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<10)
            let first = try consumer(broker)
            for try await _ in first.records { break }
            await first.close()
            let second = try consumer(broker)
            #expect(try await second.committed([partition]) == [partition: Offset(1)])
            await second.close()
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [4, 500])
    func `another loop, or a poll, continues after the last record of the loop`(maxPollRecords: Int) async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<20)
            let consumer = try consumer(broker) { $0.maxPollRecords = maxPollRecords }
            var values: [String] = []
            for _ in 0..<10 {
                for try await record in consumer.records {
                    values.append(record.value)
                    break
                }
            }
            while values.count < 20 { values += try await consumer.poll().map(\.value) }
            #expect(values == (0..<20).map { "\($0)" })
            await consumer.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a poll within a loop returns the next records, and the loop continues after them`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<30)
            let consumer = try consumer(broker) { $0.maxPollRecords = 4 }
            var values: [String] = []
            for try await record in consumer.records {
                values.append(record.value)
                if values.count % 10 == 2 { values += try await consumer.poll().map(\.value) }
                if values.count >= 30 { break }
            }
            #expect(values == (0..<30).map { "\($0)" })
            await consumer.close()
        }
    }

    @Test(.timeLimit(.minutes(1))) func `after a seek within a loop, that position is committed`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            try await fill(broker, 0..<10)
            let consumer = try consumer(broker)
            for try await _ in consumer.records {
                consumer.seek(partition, to: Offset(7))
                break
            }
            try await consumer.commit()
            #expect(try await consumer.committed([partition]) == [partition: Offset(7)])
            #expect(try await consumer.poll(within: .seconds(10)).first?.value == "7")
            await consumer.close()
        }
    }
}
