import MoldauRecords
import MoldauRuntime

extension Routes {
    /// Streams of the stores' changes.
    static func changeRoutes(_ subject: ConsoleSubject) -> [Route] {
        [
            Route(
                "/stores/{store}/changes",
                "Server-sent events: the committed changes of a table, or of an aggregate of windows or sessions. A reader "
                    + "that is too slow is told how many it missed.",
                .events([("change", "Change"), ("dropped", "Dropped")]), [.start]
            ) { question in
                let start = question.query["from"] ?? ChangeStart.now.rawValue
                guard let start = ChangeStart(rawValue: start) else {
                    throw ConsoleError.badParameter("'from' has to be now or snapshot, not '\(start)'")
                }
                let reader = try UntypedReader(question[path: "store"], of: subject.engine)
                let changes = try await reader.changes(from: start)
                return try Answer(
                    events: changes.map(ServerEvent.all), places: subject.limits.streams, to: question.channel,
                    end: changes.end)
            }
        ]
    }
}

extension Route.Parameter {
    fileprivate static let start = Self(
        name: "from", meaning: "Whether what the store has comes first: now (the default) or snapshot.",
        schema: ["type": "string", "enum": ["now", "snapshot"]])
}

extension ServerEvent {
    /// Events for the changes since the last call: the number of missed changes, then the changes.
    @Sendable fileprivate static func all(of found: UntypedChanges.Element) -> [ServerEvent] {
        let gap = found.missed > 0 ? [ServerEvent("dropped", ["count": .number(found.missed)])] : []
        return gap + found.changes.map { ServerEvent("change", JSONValue($0)) }
    }
}

extension JSONValue {
    fileprivate init(_ change: UntypedChange) {
        self = .object(
            .init(key: change.key, in: change.window) + [
                Member(name: "value", value: change.value ?? .null),
                Member(name: "timestamp", value: .time(change.timestamp)),
                Member(name: "partition", value: .number(change.partition.number)),
                Member(name: "offset", value: .number(change.offset.value)),
            ])
    }
}
