import MoldauRuntime
import NIOCore
import Synchronization

/// One of server-sent events (HTML standard, 9.2).
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

/// Events on their way to one reader. If it does not keep up, the oldest are dropped, and it is told how many; if it
/// takes nothing for long, its connection is closed.
final class EventReader: AsyncSequence, Sendable {
    typealias Element = ServerEvent
    typealias Failure = Never

    /// How many events wait for a reader at most.
    static let limit = 16
    /// A reader that has missed so many events, and taken none, is given up.
    static let patience = 32

    private let stream: AsyncStream<ServerEvent>
    private let source: AsyncStream<ServerEvent>.Continuation
    private let missed = Mutex((sinceTaken: 0, untold: 0))
    private let giveUp: @Sendable () -> Void

    /// - Parameter giveUp: closes the reader's connection.
    init(giveUp: @escaping @Sendable () -> Void) {
        (stream, source) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.limit))
        self.giveUp = giveUp
    }

    /// - Returns: false if nobody reads any more.
    func push(_ event: ServerEvent) -> Bool {
        switch source.yield(event) {
        case .enqueued: return true
        case .terminated: return false
        case .dropped:
            let sinceTaken = missed.withLock { missed in
                missed.sinceTaken += 1
                missed.untold += 1
                return missed.sinceTaken
            }
            guard sinceTaken >= Self.patience else { return true }
            end()
            giveUp()
            return false
        @unknown default: return true
        }
    }

    /// Ends the events; those that wait are still read.
    func end() { source.finish() }

    func makeAsyncIterator() -> Iterator { Iterator(reader: self, events: stream.makeAsyncIterator()) }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate let reader: EventReader
        fileprivate var events: AsyncStream<ServerEvent>.Iterator
        private var ahead: ServerEvent?

        fileprivate init(reader: EventReader, events: AsyncStream<ServerEvent>.Iterator) {
            (self.reader, self.events) = (reader, events)
        }

        mutating func next() async -> ServerEvent? {
            if let event = ahead {
                ahead = nil
                return event
            }
            guard let event = await events.next() else { return nil }
            let dropped = reader.missed.withLock { missed in
                defer { missed = (0, 0) }
                return missed.untold
            }
            guard dropped > 0 else { return event }
            ahead = event
            return ServerEvent("dropped", ["count": .number(dropped)])
        }
    }
}
