import MoldauRecords
public import MoldauRuntime
import MoldauSpans
import MoldauTopology
public import Tracing

/// Which records without a trace begin a new one.
public struct NewTraces: Sendable, Hashable {
    /// One in this many records does; nil: none.
    let every: Int?

    /// None: only records that carry a context get spans.
    public static let none = NewTraces(every: nil)
    /// All of them.
    public static let all = NewTraces(every: 1)
    /// One in `count` of the records that a task takes. Values below 1 count as 1.
    public static func oneIn(_ count: Int) -> NewTraces { NewTraces(every: max(count, 1)) }
}

extension StreamsConfiguration {
    /// Makes a span for each record that carries a trace's context in its headers, and passes the span's context on to
    /// the records that result from it.
    ///
    /// ```swift
    /// var configuration = StreamsConfiguration()
    /// configuration.traceRecords()
    /// let app = StreamsApplication(
    ///     id: "shop", topology: topology, cluster: .kafka("broker1:9092"), configuration: configuration)
    /// ```
    /// A span `process TOPIC` lasts from when a task takes a record until all nodes have processed it, including its
    /// asynchronous results. Names and attributes follow OpenTelemetry's conventions for messaging. If a record reads
    /// or updates rows of a table, its span links to the records that wrote them before. Records without a context get
    /// no span.
    /// - Parameters:
    ///   - tracer: makes the spans, on the stream threads, so it must not block; nil: the one that
    ///     `InstrumentationSystem.bootstrap` has set by then.
    ///   - newTraces: which records without a context begin a trace. Such records are processed one at a time, which is
    ///     slower than in batches.
    ///   - linkedRows: for how many rows of each table and task, the newest ones, the last writer is remembered in
    ///     memory; 0: no links.
    public mutating func traceRecords(
        by tracer: (any Tracer)? = nil, newTraces: NewTraces = .none, linkedRows: Int = 10_000
    ) {
        tracing = TracedRecords(tracer: tracer, newTraceEvery: newTraces.every, linkedRows: linkedRows)
    }
}

/// Makes the spans of records with a tracer.
struct TracedRecords: RecordTracing {
    let tracer: (any Tracer)?
    let newTraceEvery: Int?
    let linkedRows: Int

    func begin(
        _ origin: RecordOrigin, headers: Headers, task: TaskID, application: String, isNew: Bool
    ) -> (any RecordSpan)? {
        let tracer = tracer ?? InstrumentationSystem.tracer
        let place = TopicPartition(origin.topic, origin.partition)
        guard
            let span = tracer.startProcessing(
                place, origin.offset, headers: headers, group: application, isNew: isNew)
        else { return nil }
        if span.isRecording { span.updateAttributes { $0["moldau.task"] = "\(task)" } }
        return TracedRecord(span, tracer)
    }
}

/// The span of a record; it ends with the object.
final class TracedRecord: RecordSpan {
    /// OpenTelemetry's default limit on the events of a span, and on its links.
    private static let maxDetails = 128

    let fields: [Header]
    private let span: any Span
    private let tracer: any Tracer
    private var dropCount = 0
    private var linkCount = 0

    init(_ span: any Span, _ tracer: any Tracer) {
        (self.span, self.tracer) = (span, tracer)
        var headers = Headers()
        tracer.inject(span.context, into: &headers, using: TraceHeaders())
        fields = Array(headers)
    }

    deinit { span.end() }

    func asCurrent(_ body: () throws -> Void) throws {
        try ServiceContext.withValue(span.context) { try body() }
    }

    func link(to fields: [Header]) {
        guard linkCount < Self.maxDetails, span.isRecording else { return }
        var context = ServiceContext.topLevel
        tracer.extract(Headers(fields), into: &context, using: TraceHeaders())
        guard !context.isEmpty else { return }
        linkCount += 1
        span.addLink(SpanLink(context: context, attributes: [:]))
    }

    func dropped(_ reason: DropReason, at node: String) {
        guard dropCount < Self.maxDetails, span.isRecording else { return }
        dropCount += 1
        span.addEvent(
            SpanEvent(
                name: "record dropped",
                attributes: ["moldau.drop.reason": .string(reason.rawValue), "moldau.node": .string(node)]))
    }

    func failed(_ error: any Error) {
        span.fail(error)
    }
}
