import Foundation
import MoldauClient
import MoldauRecords
import Synchronization
import Testing

@Suite struct SplitTests {
    /// A topic that accepts no batch of more than 1,000 bytes.
    private func withSmallTopic(_ body: (TestBroker) async throws -> Void) async throws {
        try await withBroker(topics: [:]) { broker in
            let admin = try AdminClient(cluster: broker.client)
            try await admin.createTopics([
                .init("t", partitions: 1, configs: ["max.message.bytes": "1000"])
            ]).all()
            await admin.close()
            try await body(broker)
        }
    }

    @Test(arguments: [ProducerOptions.Compression.none, .zstd])
    func `a batch that is too large for the broker is sent in parts, in order`(compression: ProducerOptions.Compression)
        async throws
    {
        try await withSmallTopic { broker in
            var options = ProducerOptions()
            options.linger = .milliseconds(50)
            options.compression = compression
            let producer = try Producer(to: topic, cluster: broker.client, options: options)
            var generator = SeededGenerator(seed: 1)
            let told = Mutex<[Int64]>([])
            var acknowledgements: [Acknowledgement] = []
            var values: [String] = []
            for number in 0..<300 {
                // No codec can compress them much.
                values.append("\(number) " + (0..<10).map { _ in "\(generator.next())" }.joined())
                let taken = try await producer.enqueue("k", values[number], headers: [Header("h", "\(number)")])
                taken.whenKnown { result in
                    if case .success(let position) = result {
                        told.withLock { $0.append(position.offset?.value ?? -1) }
                    }
                }
                acknowledgements.append(taken)
            }
            for (number, acknowledgement) in acknowledgements.enumerated() {
                #expect(try await acknowledgement.position().offset == Offset(Int64(number)))
            }
            await producer.close()
            #expect(told.withLock { $0 } == Array(0..<300))
            let records = try await everything(of: broker, count: 300)
            #expect(records.map(\.value) == values)
            #expect(records.enumerated().allSatisfy { $1.headers == [Header("h", "\($0)")] })
        }
    }

    @Test func `a record that is too large by itself fails, and the others are stored`() async throws {
        try await withSmallTopic { broker in
            var options = ProducerOptions()
            options.linger = .milliseconds(50)
            let producer = try Producer(to: topic, cluster: broker.client, options: options)
            var acknowledgements: [Acknowledgement] = []
            for number in 0..<20 {
                let value = number == 7 ? String(repeating: "x", count: 2_000) : "\(number)"
                acknowledgements.append(try await producer.enqueue("k", value))
            }
            for (number, acknowledgement) in acknowledgements.enumerated() {
                do {
                    _ = try await acknowledgement.position()
                    #expect(number != 7)
                } catch ClientError.refused(_, let name, _) {
                    #expect(number == 7 && name == "MESSAGE_TOO_LARGE")
                }
            }
            await producer.close()
            let values = (0..<20).filter { $0 != 7 }.map { "\($0)" }
            #expect(try await everything(of: broker, count: 19).map(\.value) == values)
        }
    }

    @Test func `a transaction with a split batch is committed completely`() async throws {
        try await withSmallTopic { broker in
            var options = ProducerOptions()
            options.transactionalID = "id"
            options.linger = .milliseconds(50)
            let producer = try Producer(to: topic, cluster: broker.client, options: options)
            let values = (0..<100).map { "value \($0) " + String(repeating: "y", count: 60) }
            try await producer.transaction { _ in
                for value in values { _ = try await producer.enqueue("k", value) }
            }
            await producer.close()
            let records = try await everything(of: broker, count: 100) { $0.isolation = .readCommitted }
            #expect(records.map(\.value) == values)
        }
    }
}
