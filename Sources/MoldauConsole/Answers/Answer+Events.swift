import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle
import Synchronization

extension Answer {
    /// Server-sent events, until their source ends, the client disconnects, or the console shuts down. A client that
    /// reads nothing for `patience` is disconnected.
    /// - Parameters:
    ///   - places: limits the number of open streams.
    ///   - channel: the client's connection.
    ///   - end: ends the events. Called when the client has disconnected, even while no event is due.
    /// - Throws: `ConsoleError.busy`.
    init<Events: AsyncSequence & Sendable>(
        events: Events, places: Places, to channel: any Channel, patience: Duration = .seconds(30),
        end: @escaping @Sendable () -> Void
    ) throws(ConsoleError) where Events.Element == [ServerEvent] {
        let stream = try OpenStream(places, end)
        let body = ResponseBody { writer in
            let watch = WriteWatch()
            let watching = Task { try await watch.close(channel, after: patience) }
            defer {
                watching.cancel()
                stream.close()
            }
            try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandler(FarewellHandler(end), position: .first)
            }.get()
            // Sent so that the client knows at once that the stream is open.
            try await watch.during { try await writer.write(ByteBuffer(string: ": events follow\n\n")) }
            for try await some in events.cancelOnGracefulShutdown() {
                let text = some.map(\.text).joined()
                try await watch.during { try await writer.write(ByteBuffer(string: text)) }
            }
            try await writer.finish(nil)
        }
        self.init(body, type: "text/event-stream")
    }

    /// As above, for single events.
    init<Events: AsyncSequence & Sendable>(
        events: Events, places: Places, to channel: any Channel, patience: Duration = .seconds(30),
        end: @escaping @Sendable () -> Void
    ) throws(ConsoleError) where Events.Element == ServerEvent {
        try self.init(
            events: events.map { [$0] }, places: places, to: channel, patience: patience, end: end)
    }
}

/// A stream's place and its source. Both are released when the stream ends, or when it never starts because the client
/// has already disconnected.
private final class OpenStream: Sendable {
    private let places: Places
    private let end: @Sendable () -> Void
    private let isOpen = Atomic(true)

    /// - Throws: `ConsoleError.busy`; `end` is called then.
    init(_ places: Places, _ end: @escaping @Sendable () -> Void) throws(ConsoleError) {
        do { try places.take() } catch {
            end()
            throw error
        }
        (self.places, self.end) = (places, end)
    }

    deinit { close() }

    func close() {
        guard isOpen.exchange(false, ordering: .acquiringAndReleasing) else { return }
        end()
        places.giveBack()
    }
}

/// Notices that the client has closed the connection, or its side of it, and no longer reads events.
private final class FarewellHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let onFarewell: @Sendable () -> Void

    init(_ onFarewell: @escaping @Sendable () -> Void) { self.onFarewell = onFarewell }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        guard case ChannelEvent.inputClosed? = event as? ChannelEvent else { return }
        onFarewell()
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        onFarewell()
        context.fireChannelInactive()
    }
}

/// Detects a write that does not complete.
private final class WriteWatch: Sendable {
    private let began = Mutex<ContinuousClock.Instant?>(nil)

    func during(_ write: () async throws -> Void) async throws {
        began.withLock { $0 = .now }
        defer { began.withLock { $0 = nil } }
        try await write()
    }

    /// Closes the connection when a write has taken longer than `patience`.
    func close(_ channel: any Channel, after patience: Duration) async throws {
        while true {
            try await Task.sleep(for: patience / 4)
            guard let began = began.withLock({ $0 }), began + patience <= .now else { continue }
            return channel.close(promise: nil)
        }
    }
}
