public import MoldauClient
import MoldauRecords
import MoldauSpans
public import Tracing

/// Gives each record that a producer sends the context of a trace, in its headers.
///
/// ```swift
/// let producer = try Producer(to: orders, cluster: cluster, interceptors: [TracingProducerInterceptor()])
/// try await withSpan("place order") { _ in
///     try await producer.send("42", "a record")
/// }
/// ```
/// For each record it makes a span `create TOPIC`, below the current one, and whoever processes the record continues
/// from there. The span ends when the record is passed on for sending: records are sent in batches, and what becomes of
/// one is known to the span around `send`.
public struct TracingProducerInterceptor<Key, Value>: ProducerInterceptor {
    private let tracer: (any Tracer)?

    /// - Parameter tracer: nil: the one that `InstrumentationSystem.bootstrap` has set by the time of a record.
    public init(tracer: (any Tracer)? = nil) { self.tracer = tracer }

    public func onSend(_ record: ProducerRecord<Key, Value>) -> ProducerRecord<Key, Value> {
        var record = record
        (tracer ?? InstrumentationSystem.tracer).createRecord(in: record.topic, headers: &record.headers)
        return record
    }
}
