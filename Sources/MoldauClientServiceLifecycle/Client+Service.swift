@_exported public import MoldauClient
@_exported public import ServiceLifecycle

/// A producer runs in a `ServiceGroup`: when that is shut down, what was sent is delivered, and the connections end.
extension Producer: Service {
    /// Runs until it is shut down gracefully, or cancelled: then nothing is waited for.
    public func run() async throws {
        await untilShutDown()
        await close()
    }
}

/// Reads records in a `ServiceGroup`, one after another.
///
/// ```swift
/// let worker = ConsumerService(consumer) { record in try await bill(record, by: producer) }
/// ServiceGroup(services: [producer, worker], logger: logger)
/// ```
/// When the group is shut down, the service ends behind the record that it has; what was dealt with is committed, with
/// `enable.auto.commit`, and the group of consumers is left. Services of a group end one after another, the last first:
/// put the producer that this one uses before it.
public struct ConsumerService<Key, Value>: Service {
    private let consumer: Consumer<Key, Value>
    private let body: @Sendable (ConsumerRecord<Key, Value>) async throws -> Void

    /// - Parameters:
    ///   - consumer: the service closes it at its end.
    ///   - body: deals with a record. If it throws, the service ends with that error; the record, and those that were
    ///     polled with it, are read again.
    public init(
        _ consumer: Consumer<Key, Value>,
        forEach body: @escaping @Sendable (ConsumerRecord<Key, Value>) async throws -> Void
    ) { (self.consumer, self.body) = (consumer, body) }

    /// Reads until it is shut down gracefully or cancelled, or the consumer is closed.
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

/// A consumer runs in a `ServiceGroup`, beside a service of one's own that reads it: when it is shut down, what was
/// dealt with is committed, and the group of consumers is left.
///
/// Put it before the one that reads, since the last one is shut down first; that one ends its loop over `records` by
/// `endReading`:
///
/// ```swift
/// try await withGracefulShutdownHandler {
///     for try await record in consumer.records { … }
/// } onGracefulShutdown: { consumer.endReading() }
/// ```
extension Consumer: Service {
    /// Runs until it is shut down gracefully, or cancelled: then the reader is not waited for.
    public func run() async throws {
        await untilShutDown()
        await finish()
    }
}

private func untilShutDown() async {
    await cancelWhenGracefulShutdown { while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) } }
}
