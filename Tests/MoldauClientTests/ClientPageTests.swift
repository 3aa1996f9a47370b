import Foundation
import Logging
import MoldauClient
import MoldauClientEmbedded
import MoldauClientServiceLifecycle
import MoldauClientTracing
import MoldauRecords
import ProgramSupport
import ServiceLifecycle
import Testing

/// The examples of Docs/Clients.md, which has the lines of these functions.
private enum ClientPage {
    static func produce() async throws {
        let orders = Topic<String, String>("orders")
        let cluster = try ClientOptions(bootstrapServers: "localhost:9092")
        let producer = try Producer(to: orders, cluster: cluster)

        // Waits until it is delivered, and tells partition and offset.
        let position = try await producer.send("42", "a record")
        // Waits only while the buffer is full.
        let acknowledgement = try await producer.enqueue("43", "another")
        _ = try await acknowledgement.position()
        // Waits until all is delivered.
        await producer.close()
        _ = position
    }

    static func transaction(
        _ bills: Topic<String, String>, _ entries: Topic<String, String>, _ cluster: ClientOptions,
        _ offsets: [TopicPartition: Offset], _ metadata: ConsumerGroupMetadata
    ) async throws {
        var options = ProducerOptions()
        options.transactionalID = "billing-1"
        let producer = try Producer(to: bills, cluster: cluster, options: options)
        // Another topic, the same transactions.
        let ledger = producer.also(to: entries)

        try await producer.transaction { transaction in
            try await producer.send("42", "a bill")
            try await ledger.send("42", "an entry")
            // Positions of a consumer.
            try await transaction.commit(offsets, of: metadata)
        }
    }

    static func embed(_ orders: Topic<String, String>) throws {
        let cluster = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
        let producer = try Producer(to: orders, cluster: .embedded(cluster))
        let consumer = try Consumer([orders], cluster: .embedded(cluster), options: ConsumerOptions(group: "shop"))
        _ = (producer, consumer)
    }

    static func serve(
        _ orders: Topic<String, String>, _ bills: Topic<String, String>, _ cluster: ClientOptions, _ logger: Logger
    ) throws {
        let consumer = try Consumer([orders], cluster: cluster, options: ConsumerOptions(group: "shop"))
        let producer = try Producer(to: bills, cluster: cluster)
        let worker = ConsumerService(consumer) { record in try await bill(record, by: producer) }
        let group = ServiceGroup(services: [producer, worker], logger: logger)
        _ = group
    }

    private static func bill(
        _ record: ConsumerRecord<String, String>, by producer: Producer<String, String>
    ) async throws {
        _ = try await producer.enqueue(record.key, record.value)
    }

    static func trace(
        _ orders: Topic<String, String>, _ bills: Topic<String, String>, _ cluster: ClientOptions
    ) async throws {
        let producer = try Producer(to: bills, cluster: cluster, interceptors: [TracingProducerInterceptor()])
        let consumer = try Consumer([orders], cluster: cluster, options: ConsumerOptions(group: "billing"))
        for try await record in consumer.records {
            // A span `process orders`, below the one that the record's headers name.
            try await record.withSpan(group: "billing") { _ in
                // A span `create bills` below it, which the new record's headers name.
                _ = try await producer.enqueue(record.key, "bill of \(record.value)")
            }
        }
    }

    static func consume(_ orders: Topic<String, String>, _ cluster: ClientOptions) async throws {
        let consumer = try Consumer([orders], cluster: cluster, options: ConsumerOptions(group: "shop"))
        for try await record in consumer.records {
            print(record.partition, record.offset, record.key, record.value)
        }
    }
}

@Suite struct ClientPageTests {
    @Test func `the examples of the page are compiled here`() throws {
        let examples = try PageExamples(page: "Clients.md", marked: "client")
        for line in examples.lines { #expect(examples.compiled.contains(line)) }
        #expect(examples.lines.count > 20)
    }
}
