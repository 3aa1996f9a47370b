public import MoldauClient
import MoldauRecords
import MoldauSpans
public import Tracing

extension ConsumerRecord {
    /// Calls `body` within a span `process TOPIC` that continues the trace of the record's headers, or begins a new one
    /// if they carry none.
    ///
    /// ```swift
    /// for try await record in consumer.records {
    ///     try await record.withSpan(group: "billing") { _ in try await bill(record.value) }
    /// }
    /// ```
    /// - Parameters:
    ///   - group: the consumer's group, for the span's attributes; nil if it has none.
    ///   - tracer: nil uses the one that `InstrumentationSystem.bootstrap` has set.
    ///   - isolation: the actor that `body` runs on: that of the caller.
    ///   - body: processes the record; if it throws, the error is recorded in the span.
    /// - Throws: what `body` throws.
    public func withSpan<Result>(
        group: String? = nil, by tracer: (any Tracer)? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (any Span) async throws -> Result
    ) async throws -> Result {
        let tracer = tracer ?? InstrumentationSystem.tracer
        let span = tracer.startProcessing(partition, offset, headers: headers, group: group, isNew: true)
        guard let span else { preconditionFailure("startProcessing always returns a span for isNew") }
        defer { span.end() }
        do {
            return try await ServiceContext.withValue(span.context) { try await body(span) }
        } catch {
            span.fail(error)
            throw error
        }
    }
}
