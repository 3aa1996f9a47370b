import MoldauRecords
import Tracing

/// Reads and writes the context of a trace in the headers of a record, under the names that the tracer chooses:
/// `traceparent` and `tracestate` for W3C Trace Context.
package struct TraceHeaders: Extractor, Injector {
    package init() {}

    /// The last header of that name, as text; nil if there is none, or if it is not UTF-8.
    package func extract(key: String, from headers: Headers) -> String? {
        headers[key].flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// Replaces the headers of that name.
    package func inject(_ value: String, forKey name: String, into headers: inout Headers) {
        headers.removeAll(named: name)
        headers.append(Header(name, value))
    }
}
