// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClientServiceLifecycle
import MoldauClusterKafka
import MoldauServiceLifecycle
import MoldauTesting
import Testing
import Tracing

struct MoldauClientServiceLifecycleExamples {
    func `MoldauClientServiceLifecycle: ConsumerService`(logger: Logger, consumer: Consumer<String, String>, producer: Producer<String, String>, bill: @escaping @Sendable (String) async throws -> Void) async throws {
        let worker = ConsumerService(consumer) { record in try await bill(record.value) }
        let group = ServiceGroup(services: [producer, worker], logger: logger)
        _ = worker
        _ = group
    }

    func `MoldauClientServiceLifecycle: Consumer`(consumer: Consumer<String, String>, bill: @escaping @Sendable (String) async throws -> Void) async throws {
        try await withGracefulShutdownHandler {
            for try await record in consumer.records { try await bill(record.value) }
        } onGracefulShutdown: { consumer.endReading() }
    }
}
