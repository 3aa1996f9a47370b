import MoldauClient
import MoldauRecords
import Synchronization
import Testing

/// Adds a header, and notes the outcomes of records.
private final class Signing: ProducerInterceptor {
    let name: String
    let told = Mutex<[String]>([])

    init(_ name: String) { self.name = name }

    func onSend(_ record: ProducerRecord<String, String>) -> ProducerRecord<String, String> {
        var record = record
        record.headers.append(Header("by", name))
        record.value += name
        return record
    }

    func onAcknowledgement(_ result: Result<RecordPosition, any Error>, of topic: String) {
        told.withLock {
            switch result {
            case .success(let position): $0.append("\(position.partition)@\(position.offset?.value ?? -1)")
            case .failure(let error): $0.append("\(topic): \(type(of: error))")
            }
        }
    }
}

/// Filters records, and notes commits.
private final class Sieve: ConsumerInterceptor {
    let commits = Mutex<[Int64]>([])

    func onConsume(_ records: [ConsumerRecord<String, String>]) -> [ConsumerRecord<String, String>] {
        records.filter { !$0.value.hasPrefix("no") }
    }

    func onCommit(_ offsets: [TopicPartition: Offset]) {
        commits.withLock { $0.append(offsets[TopicPartition("t", 0)]?.value ?? -1) }
    }
}

/// Changes nothing.
private struct Idle: ProducerInterceptor, ConsumerInterceptor {
    typealias Key = String
    typealias Value = String
}

@Suite struct InterceptorTests {
    @Test func `a producer's interceptors change records in order, and are notified of each result`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            let (first, second) = (Signing("a"), Signing("b"))
            let producer = try Producer(
                to: topic, cluster: broker.client, interceptors: [first, Idle(), second])
            for number in 0..<3 { try await producer.send("k", "\(number)") }
            await #expect(throws: ClientError.self) { try await producer.send("k", "x", partition: Partition(9)) }
            await producer.close()
            let records = try await everything(of: broker, count: 3)
            #expect(records.map(\.value) == ["0ab", "1ab", "2ab"])
            #expect(records.allSatisfy { $0.headers.map(\.value) == [Array("a".utf8), Array("b".utf8)] })
            for interceptor in [first, second] {
                #expect(interceptor.told.withLock { $0 } == ["t-0@0", "t-0@1", "t-0@2", "t: ClientError"])
            }
        }
    }

    @Test func `a consumer's interceptors see records before they are returned, and commits once made`() async throws {
        try await withBroker(topics: ["t": 1]) { broker in
            let producer = try Producer(to: topic, cluster: broker.client)
            for value in ["yes 1", "no 2", "yes 3", "no 4"] { try await producer.send("k", value) }
            await producer.close()
            let sieve = Sieve()
            var options = ConsumerOptions(group: "g")
            options.offsetReset = .earliest
            options.commitsAutomatically = false
            let consumer = try Consumer(
                [topic], assigned: [TopicPartition("t", 0)], cluster: broker.client, options: options,
                interceptors: [Idle(), sieve])
            var values: [String] = []
            while consumer.position(TopicPartition("t", 0)) != Offset(4) {
                values += try await consumer.poll().map(\.value)
            }
            #expect(values == ["yes 1", "yes 3"])
            try await consumer.commit([TopicPartition("t", 0): Offset(2)])
            try await consumer.commit()
            #expect(sieve.commits.withLock { $0 } == [2, 4])
            await consumer.close()
        }
    }
}
