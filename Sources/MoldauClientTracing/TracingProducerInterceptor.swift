public import MoldauClient
import MoldauRecords
import MoldauSpans
public import Tracing

/// Adds the trace context to the headers of each record that a producer sends.
///
/// ```swift
/// let producer = try Producer(to: orders, cluster: cluster, interceptors: [TracingProducerInterceptor()])
/// let position = try await withSpan("place order") { _ in
///     try await producer.send("42", "a record")
/// }
/// ```
/// For each record it makes a span `create TOPIC`, a child of the current one; consumers of the record continue the
/// trace from there. The span ends when the record is handed over for sending: records are sent in batches, and the
/// result of a record belongs to the span around `send`.
public struct TracingProducerInterceptor<Key, Value>: ProducerInterceptor {
    private let tracer: (any Tracer)?

    /// - Parameter tracer: nil uses the one that `InstrumentationSystem.bootstrap` has set when a record is sent.
    public init(tracer: (any Tracer)? = nil) { self.tracer = tracer }

    public func onSend(_ record: ProducerRecord<Key, Value>) -> ProducerRecord<Key, Value> {
        var record = record
        (tracer ?? InstrumentationSystem.tracer).createRecord(in: record.topic, headers: &record.headers)
        return record
    }
}
