import MoldauRecords
import MoldauRuntime

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
                return try Answer(
                    events: changes.map(ServerEvent.all), places: subject.limits.streams, to: question.channel,
                    end: changes.end)
            }
        ]
    }
}

extension Route.Parameter {
    fileprivate static let start = Self(
        name: "from", meaning: "Whether what the table has comes first: now (the default) or snapshot.",
        schema: ["type": "string", "enum": ["now", "snapshot"]])
}

extension ServerEvent {
    /// What has come since the last look: how many changes were left out, then the changes.
    @Sendable fileprivate static func all(of found: UntypedChanges.Element) -> [ServerEvent] {
        let gap = found.missed > 0 ? [ServerEvent("dropped", ["count": .number(found.missed)])] : []
        return gap + found.changes.map { ServerEvent("change", JSONValue($0)) }
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
