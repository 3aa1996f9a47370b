import MoldauRuntime

extension Routes {
    /// What the application consists of, and its status.
    static func applicationRoutes(_ subject: ConsoleSubject) -> [Route] {
        let engine = subject.engine
        return [
            Route("/topology", "The graph: parts, nodes, stores and topics.", .json("Topology")) { _ in
                try Answer(engine.graph)
            },
            Route("/status", "State, threads, tasks with their positions, restores, memory, disk.", .json("Status")) {
                _ in try Answer(try await engine.status())
            },
            Route("/events", "What happened lately, the newest last.", .json("Events")) { _ in
                try Answer(["events": engine.events])
            },
            Route(
                "/explain", "Why there is no output, or why a store has no value for a key.",
                .json("Explained"),
                [.store, .key(isRequired: false)]
            ) { question in
                guard let store = question.query["store"] else {
                    if question.query["key"] != nil { throw ConsoleError.badParameter("'key' needs 'store' as well") }
                    return try Answer(try await engine.explain())
                }
                let key = KeyText(try question.needed("key"))
                let reader = try UntypedReader(store, of: engine)
                return try Answer(try await subject.limits.topicReads.during { try await reader.explain(key) })
            },
        ]
    }
}

extension Route.Parameter {
    static let text: JSONValue = ["type": "string"]
    static let flag: JSONValue = ["type": "boolean"]
    static let integer: JSONValue = ["type": "integer", "format": "int64"]

    fileprivate static let store = Route.Parameter(name: "store", meaning: "A store's name.", schema: text)

    static func key(isRequired: Bool) -> Route.Parameter {
        Route.Parameter(
            name: "key",
            meaning: "A key: text, a number, JSON for a key that is encoded as JSON, or bytes as {\"hex\": \"…\"}.",
            schema: text, isRequired: isRequired)
    }
}
