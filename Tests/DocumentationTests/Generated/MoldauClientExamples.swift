// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClusterKafka
import MoldauServiceLifecycle
import MoldauTesting
import Testing
import Tracing

struct MoldauClientExamples {
    func `MoldauClient: AdminClient`() async throws {
        let admin = try AdminClient(cluster: ClientOptions(bootstrapServers: "localhost:9092"))
        try await admin.createTopics([.init("orders", partitions: 12)]).all()
        await admin.close()
        _ = admin
    }

    func `MoldauClient: Consumer`() async throws {
        let orders = Topic<String, String>("orders")
        let consumer = try Consumer(
            [orders], cluster: ClientOptions(bootstrapServers: "localhost:9092"), options: ConsumerOptions(group: "shop"))
        for try await record in consumer.records { print(record.key, record.value) }
        await consumer.close()
        _ = orders
        _ = consumer
    }

    func `MoldauClient: Producer`() async throws {
        let orders = Topic<String, String>("orders")
        let producer = try Producer(to: orders, cluster: ClientOptions(bootstrapServers: "localhost:9092"))
        let position = try await producer.send("42", "a record")
        await producer.close()
        _ = orders
        _ = producer
        _ = position
    }

    func `MoldauClient: transaction`(producer: Producer<String, String>, offsets: [TopicPartition: Offset], metadata: ConsumerGroupMetadata) async throws {
        try await producer.transaction { transaction in
            try await producer.send("42", "a result")
            try await transaction.commit(offsets, of: metadata)
        }
    }
}
