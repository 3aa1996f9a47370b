import Hummingbird
import NIOCore
import ServiceLifecycle

extension Answer {
    /// Server-sent events, until their source ends, the reader goes, or the console ends.
    /// - Parameter places: how many streams may be open.
    /// - Throws: `ConsoleError.busy`.
    init(events: EventReader, places: Places) throws(ConsoleError) {
        try places.take()
        let body = ResponseBody { writer in
            defer {
                events.end()
                places.giveBack()
            }
            // So that the reader knows at once that it is heard.
            try await writer.write(ByteBuffer(string: ": events follow\n\n"))
            for await event in events.cancelOnGracefulShutdown() {
                try await writer.write(ByteBuffer(string: event.text))
            }
            try await writer.finish(nil)
        }
        self.init(body, type: "text/event-stream")
        headers[.cacheControl] = "no-store"
    }
}
