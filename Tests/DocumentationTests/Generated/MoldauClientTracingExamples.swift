// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClientTracing
import MoldauClusterKafka
import MoldauServiceLifecycle
import MoldauTesting
import Testing
import Tracing

struct MoldauClientTracingExamples {
    func `MoldauClientTracing: withSpan`(consumer: Consumer<String, String>, bill: @escaping @Sendable (String) async throws -> Void) async throws {
        for try await record in consumer.records {
            try await record.withSpan(group: "billing") { _ in try await bill(record.value) }
        }
    }

    func `MoldauClientTracing: TracingProducerInterceptor`(cluster: ClientOptions, orders: Topic<String, String>) async throws {
        let producer = try Producer(to: orders, cluster: cluster, interceptors: [TracingProducerInterceptor()])
        let position = try await withSpan("place order") { _ in
            try await producer.send("42", "a record")
        }
        _ = producer
        _ = position
    }
}
