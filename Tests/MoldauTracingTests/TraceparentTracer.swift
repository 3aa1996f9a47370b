import InMemoryTracing
import Synchronization
import Tracing

/// Keeps spans in memory, and propagates contexts as in W3C Trace Context: `traceparent: 00-TRACE-SPAN-01`.
struct TraceparentTracer: Tracer {
    private let spans: InMemoryTracer

    init() {
        let ids = Counter()
        spans = InMemoryTracer(
            idGenerator: InMemoryTracer.IDGenerator(
                nextTraceID: { Self.hexadecimal(ids.next(), digits: 32) },
                nextSpanID: { Self.hexadecimal(ids.next(), digits: 16) }))
    }

    private final class Counter: Sendable {
        private let value = Mutex(0)
        func next() -> Int {
            value.withLock {
                $0 += 1; return $0
            }
        }
    }

    private static func hexadecimal(_ number: Int, digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: digits - text.count) + text
    }

    var finished: [FinishedInMemorySpan] { spans.finishedSpans }
    var activeCount: Int { spans.activeSpans.count }

    /// The finished spans of that name, in the order in which they ended.
    func finished(_ name: String) -> [FinishedInMemorySpan] { finished.filter { $0.operationName == name } }

    func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> InMemorySpan {
        spans.startSpan(
            operationName, context: context(), ofKind: kind, at: instant(), function: function, file: fileID,
            line: line)
    }

    func forceFlush() {}

    func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let span = context.inMemorySpanContext else { return }
        injector.inject("00-\(span.traceID)-\(span.spanID)-01", forKey: "traceparent", into: &carrier)
    }

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let parts = extractor.extract(key: "traceparent", from: carrier)?.split(separator: "-"),
            parts.map(\.count) == [2, 32, 16, 2], parts.joined().allSatisfy(\.isHexDigit)
        else { return }
        context.inMemorySpanContext = InMemorySpanContext(
            traceID: String(parts[1]), spanID: String(parts[2]), parentSpanID: nil)
    }
}
