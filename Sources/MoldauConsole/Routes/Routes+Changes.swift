import Hummingbird
import MoldauRecords
import MoldauRuntime
import NIOCore
import ServiceLifecycle

extension Routes {
    /// The changes of tables as they come.
    static func changeRoutes(_ subject: ConsoleSubject) -> [Route] {
        [
            Route(
                "/stores/{store}/changes",
                "Server-sent events: a table's committed changes. A reader that is too slow is told how many it missed.",
                .events([("change", "Change"), ("dropped", "Dropped")]), [.start]
            ) { question in
                let start = question.query["from"] ?? ChangeStart.now.rawValue
                guard let start = ChangeStart(rawValue: start) else {
                    throw ConsoleError.badParameter("'from' is now or snapshot, not '\(start)'")
                }
                let reader = try UntypedReader(question[path: "store"], of: subject.engine)
                let changes = try await reader.changes(from: start)
                return try Answer(changes: changes, question.channel, places: subject.limits.streams)
            }
        ]
    }
}

extension Route.Parameter {
    fileprivate static let start = Self(
        name: "from", meaning: "Whether what the table has comes first: now (the default) or snapshot.",
        schema: ["type": "string", "enum": ["now", "snapshot"]])
}

extension Answer {
    /// How long a reader may take nothing before its connection is closed.
    private static var patience: Duration { .seconds(30) }

    /// Changes as server-sent events, as fast as they are read.
    /// - Throws: `ConsoleError.busy`.
    fileprivate init(changes: UntypedChanges, _ channel: any Channel, places: Places) throws(ConsoleError) {
        try places.take()
        let body = ResponseBody { writer in
            defer { places.giveBack() }
            try await writer.write(ByteBuffer(string: ": changes follow\n\n"))
            for try await (found, missed) in changes.cancelOnGracefulShutdown() {
                var text = missed > 0 ? ServerEvent("dropped", ["count": .number(missed)]).text : ""
                for change in found { text += ServerEvent("change", JSONValue(change)).text }
                let watch = Task {
                    try await Task.sleep(for: Self.patience)
                    channel.close(promise: nil)
                }
                defer { watch.cancel() }
                try await writer.write(ByteBuffer(string: text))
            }
            try await writer.finish(nil)
        }
        self.init(body, type: "text/event-stream")
    }
}

extension JSONValue {
    fileprivate init(_ change: UntypedChange) {
        self = [
            "key": change.key, "value": change.value ?? .null, "timestamp": .time(change.timestamp),
            "partition": .number(change.partition.number), "offset": .number(change.offset.value),
        ]
    }
}
