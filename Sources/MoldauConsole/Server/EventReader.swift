import MoldauRuntime
import Synchronization

/// One server-sent event (HTML standard, 9.2).
struct ServerEvent: Sendable, Hashable {
    let name: String
    /// JSON on one line.
    let data: String

    init(_ name: String, _ data: JSONValue) { (self.name, self.data) = (name, data.text) }

    init(_ name: String, _ data: some Encodable) throws {
        self.name = name
        self.data = String(decoding: try data.encoded(), as: UTF8.self)
    }

    var text: String { "event: \(name)\ndata: \(data)\n\n" }
}

/// The events for one client. If it does not keep up, the oldest are dropped, and it is sent their number.
struct EventReader: AsyncSequence, Sendable {
    /// How many events may wait for a client.
    static let limit = 16

    private let stream: AsyncStream<ServerEvent>
    private let source: AsyncStream<ServerEvent>.Continuation
    private let missed = Count()

    init() { (stream, source) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.limit)) }

    /// - Returns: false if the client no longer reads.
    func push(_ event: ServerEvent) -> Bool {
        switch source.yield(event) {
        case .terminated: return false
        case .dropped: missed.add()
        default: break
        }
        return true
    }

    /// Ends the events; those already queued are still delivered.
    @Sendable func end() { source.finish() }

    func makeAsyncIterator() -> Iterator { Iterator(events: stream.makeAsyncIterator(), missed: missed) }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate var events: AsyncStream<ServerEvent>.Iterator
        fileprivate let missed: Count
        private var ahead: ServerEvent?

        fileprivate init(events: AsyncStream<ServerEvent>.Iterator, missed: Count) {
            (self.events, self.missed) = (events, missed)
        }

        mutating func next() async -> ServerEvent? {
            if let event = ahead {
                ahead = nil
                return event
            }
            guard let event = await events.next() else { return nil }
            let count = missed.take()
            guard count > 0 else { return event }
            ahead = event
            return ServerEvent("dropped", ["count": .number(count)])
        }
    }

    fileprivate final class Count: Sendable {
        private let count = Mutex(0)

        func add() { count.withLock { $0 += 1 } }

        func take() -> Int {
            count.withLock { count in
                defer { count = 0 }
                return count
            }
        }
    }
}
