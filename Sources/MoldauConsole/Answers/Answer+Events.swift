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
    ///   - onEnd: called when the reader has gone.
    /// - Throws: `ConsoleError.busy`.
    init<Events: AsyncSequence & Sendable>(
        events: Events, places: Places, to channel: any Channel, patience: Duration = .seconds(30),
        onEnd: @escaping @Sendable () -> Void = {}
    ) throws(ConsoleError) where Events.Element == [ServerEvent] {
        try places.take()
        let body = ResponseBody { writer in
            let watch = WriteWatch()
            let watching = Task { try await watch.close(channel, after: patience) }
            defer {
                watching.cancel()
                onEnd()
                places.giveBack()
            }
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
        onEnd: @escaping @Sendable () -> Void = {}
    ) throws(ConsoleError) where Events.Element == ServerEvent {
        try self.init(
            events: events.map { [$0] }, places: places, to: channel, patience: patience, onEnd: onEnd)
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
