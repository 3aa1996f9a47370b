import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

/// The records that the captures of a case received.
final class Captured: Sendable {
    struct Row: Sendable, CustomStringConvertible {
        let capture: String
        let key: Datum
        let value: Datum
        let timestamp: Timestamp
        let headers: Headers
        let after: Int

        var description: String { "\(capture): \(key.text)=\(value.text) @\(timestamp) after \(after)" }
    }

    private let state = Mutex<(rows: [Row], input: Int)>(([], 0))

    var rows: [Row] { state.withLock { $0.rows } }

    /// Records captured from now on are outputs of that input.
    func begin(input: Int) { state.withLock { $0.input = input } }

    func add<Key: CaseKey>(_ record: Record<Key, Datum?>, to capture: String) {
        state.withLock {
            $0.rows.append(
                Row(
                    capture: capture, key: record.key.datum, value: record.value ?? .null, timestamp: record.timestamp,
                    headers: record.headers, after: $0.input))
        }
    }
}

/// The terminal processor of a capture.
final class CaptureProcessor<Key: CaseKey>: Processor {
    typealias KeyOut = Datum
    typealias ValueOut = Datum?

    private let captured: Captured
    private let name: String

    private let asked: [String]

    /// - Parameter asked: stores that it looks up although they were not connected to it.
    init(_ captured: Captured, name: String, asksFor asked: [String]) {
        self.captured = captured
        self.name = name
        self.asked = asked
    }

    func start(_ context: ProcessorContext<Datum, Datum?>) throws {
        for store in asked {
            _ = try context.store(
                TableStoreName<Datum, Datum>(store, key: Kind.string.serde, value: Kind.string.serde))
        }
    }

    func process(_ record: Record<Key, Datum?>) { captured.add(record, to: name) }
}

/// Forwards a tick at each punctuation, and the input if requested.
final class PunctuatingProcessor: Processor {
    typealias KeyIn = Datum
    typealias ValueIn = Datum?

    private let clock: PunctuationClock
    private let interval: Duration
    private let forwardsInput: Bool
    private let key: String
    private var context: ProcessorContext<Datum, Datum?>?

    init(clock: PunctuationClock, interval: Duration, forwardsInput: Bool, key: String) {
        self.clock = clock
        self.interval = interval
        self.forwardsInput = forwardsInput
        self.key = key
    }

    func start(_ context: ProcessorContext<Datum, Datum?>) throws {
        self.context = context
        try context.schedule(every: interval, clock) { [key] time in
            try context.forward(Record(key: .string(key), value: .string("at:\(time.ms)"), timestamp: time))
        }
    }

    func process(_ record: Record<Datum, Datum?>) throws { if forwardsInput { try context?.forward(record) } }
}
