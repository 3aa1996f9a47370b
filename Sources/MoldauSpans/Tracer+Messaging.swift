import MoldauRecords
import Tracing

// Names and attributes follow OpenTelemetry's semantic conventions for messaging and for Kafka.

extension Tracer {
    /// Begins the span of a record that is processed, as a child of the span whose context its headers carry.
    /// - Parameters:
    ///   - isNew: whether a record without a context begins a trace.
    ///   - group: the consumer group that reads the record.
    /// - Returns: nil for a record without a context, unless it begins a trace.
    package func startProcessing(
        _ partition: TopicPartition, _ offset: Offset, headers: Headers, group: String?, isNew: Bool
    ) -> Span? {
        var parent = ServiceContext.topLevel
        if !headers.isEmpty { extract(headers, into: &parent, using: TraceHeaders()) }
        guard isNew || !parent.isEmpty else { return nil }
        let span = startSpan("process \(partition.topic)", context: parent, ofKind: .consumer)
        span.describe("process", partition.topic)
        guard span.isRecording else { return span }
        span.updateAttributes { attributes in
            attributes["messaging.destination.partition.id"] = "\(partition.partition)"
            attributes["messaging.kafka.offset"] = offset.value
            if let group { attributes["messaging.consumer.group.name"] = group }
        }
        return span
    }

    /// Makes the span of a record that is about to be sent, as a child of the current one, and adds its context to the
    /// record's headers. The span has ended when this returns.
    package func createRecord(in topic: String, headers: inout Headers) {
        let span = startSpan("create \(topic)", ofKind: .producer)
        span.describe("create", topic)
        inject(span.context, into: &headers, using: TraceHeaders())
        span.end()
    }
}

extension Span {
    fileprivate func describe(_ operation: String, _ topic: String) {
        guard isRecording else { return }
        updateAttributes { attributes in
            attributes["messaging.system"] = "kafka"
            attributes["messaging.operation.name"] = operation
            attributes["messaging.operation.type"] = operation
            attributes["messaging.destination.name"] = topic
        }
    }

    /// Records the error that made the work of the span fail.
    package func fail(_ error: any Error) {
        recordError(error)
        setStatus(SpanStatus(code: .error, message: "\(error)"))
    }
}
