import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle
import Synchronization

extension Answer {
    /// Server-sent events, until their source ends, the reader goes, or the console ends. A reader that takes nothing
    /// for `patience` is disconnected.
    /// - Parameters:
    ///   - places: how many streams may be open.
    ///   - channel: the reader's connection.
    ///   - end: ends the events. Called when the reader has gone, even if there are none just now.
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
            // So that the reader knows at once that it is heard.
            try await watch.during { try await writer.write(ByteBuffer(string: ": events follow\n\n")) }
            for try await some in events.cancelOnGracefulShutdown() {
                let text = some.map(\.text).joined()
                try await watch.during { try await writer.write(ByteBuffer(string: text)) }
            }
            try await writer.finish(nil)
        }
        self.init(body, type: "text/event-stream")
    }

    /// As above, for events that come one by one.
    init<Events: AsyncSequence & Sendable>(
        events: Events, places: Places, to channel: any Channel, patience: Duration = .seconds(30),
        end: @escaping @Sendable () -> Void
    ) throws(ConsoleError) where Events.Element == ServerEvent {
        try self.init(
            events: events.map { [$0] }, places: places, to: channel, patience: patience, end: end)
    }
}

/// A stream's place and its source. They are given back when the stream ends, or is not begun at all: if the reader has
/// gone before.
private final class OpenStream: Sendable {
    private let places: Places
    private let end: @Sendable () -> Void
    private let isOpen = Atomic(true)

    /// - Throws: `ConsoleError.busy`; the source is ended then.
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

/// Notices that the other end has closed the connection, or its direction of it: nobody reads events any more.
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

/// Notices a write that does not end.
private final class WriteWatch: Sendable {
    private let began = Mutex<ContinuousClock.Instant?>(nil)

    func during(_ write: () async throws -> Void) async throws {
        began.withLock { $0 = .now }
        defer { began.withLock { $0 = nil } }
        try await write()
    }

    /// Closes the connection when a write has taken so long.
    func close(_ channel: any Channel, after patience: Duration) async throws {
        while true {
            try await Task.sleep(for: patience / 4)
            guard let began = began.withLock({ $0 }), began + patience <= .now else { continue }
            return channel.close(promise: nil)
        }
    }
}
