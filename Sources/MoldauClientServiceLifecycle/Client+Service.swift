@_exported public import MoldauClient
@_exported public import ServiceLifecycle

/// Runs a producer in a `ServiceGroup`: at shutdown, it delivers what was sent and closes its connections.
extension Producer: Service {
    /// Runs until graceful shutdown or cancellation; if it is cancelled, it does not wait for deliveries.
    public func run() async throws {
        try? await gracefulShutdown()
        await close()
    }
}

/// Processes records in a `ServiceGroup`, one at a time.
///
/// ```swift
/// let worker = ConsumerService(consumer) { record in try await bill(record.value) }
/// let group = ServiceGroup(services: [producer, worker], logger: logger)
/// ```
/// When the group shuts down, the service ends after its current record, commits what was processed if
/// `enable.auto.commit` is on, and leaves the consumer group. A service group ends its services one at a time, the last
/// first: list the producer that this one uses before it.
public struct ConsumerService<Key, Value>: Service {
    private let consumer: Consumer<Key, Value>
    private let body: @Sendable (ConsumerRecord<Key, Value>) async throws -> Void

    /// - Parameters:
    ///   - consumer: the service closes it when it ends.
    ///   - body: processes a record. If it throws, the service ends with that error; the record, and those that were
    ///     polled with it, are read again.
    public init(
        _ consumer: Consumer<Key, Value>,
        forEach body: @escaping @Sendable (ConsumerRecord<Key, Value>) async throws -> Void
    ) { (self.consumer, self.body) = (consumer, body) }

    /// Runs until graceful shutdown or cancellation, or until the consumer is closed.
    /// - Throws: what `body` throws; `ClientError`.
    public func run() async throws {
        let consumer = consumer
        do {
            try await withGracefulShutdownHandler {
                for try await record in consumer.records { try await body(record) }
            } onGracefulShutdown: {
                consumer.endReading()
            }
        } catch {
            await consumer.finish(within: .zero)
            throw error
        }
        await consumer.close()
    }
}

/// Runs a consumer in a `ServiceGroup`, beside a service of yours that reads from it: at shutdown, it commits what was
/// processed and leaves the consumer group.
///
/// List it before the service that reads, since services are shut down last to first; that one ends its loop over
/// `records` with `endReading`:
///
/// ```swift
/// try await withGracefulShutdownHandler {
///     for try await record in consumer.records { try await bill(record.value) }
/// } onGracefulShutdown: { consumer.endReading() }
/// ```
extension Consumer: Service {
    /// Runs until graceful shutdown or cancellation; if it is cancelled, it does not wait for the reader.
    public func run() async throws {
        try? await gracefulShutdown()
        await finish()
    }
}
