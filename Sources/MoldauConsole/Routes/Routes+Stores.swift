import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

extension Routes {
    /// Queries of stores.
    static func storeRoutes(_ subject: ConsoleSubject) -> [Route] {
        let engine = subject.engine
        func list(
            _ path: String, _ summary: String, _ parameters: [Route.Parameter],
            _ read:
                @escaping @Sendable (UntypedReader, Question, PageRequest) async throws
                -> QueryAnswer<UntypedReader.Page>
        ) -> Route {
            Route("/stores/{store}/\(path)", summary, .json("Page"), parameters + .page + .options) { question in
                let reader = try UntypedReader(question[path: "store"], of: engine, QueryOptions(question))
                return Answer(JSONValue(try await read(reader, question, PageRequest(question))))
            }
        }
        return [
            Route("/stores", "The stores of the topology.", .json("Stores")) { _ in
                try Answer(["stores": engine.graph.stores])
            },
            Route("/stores/{store}", "One store.", .json("Store")) { question in
                let name = question[path: "store"]
                let stores = engine.graph.stores
                guard let store = stores.first(where: { $0.name == name }) else {
                    throw QueryError.unknownStore(name, known: stores.map(\.name).sorted())
                }
                return try Answer(store)
            },
            Route(
                "/stores/{store}/get", "The row of a key.", .json("Row"),
                [.key(isRequired: true), .at, .start, .end] + .options
            ) { question in
                let reader = try UntypedReader(question[path: "store"], of: engine, QueryOptions(question))
                let key = KeyText(try question.needed("key"))
                let answer = try await reader.get(key, RowPlace(question))
                return Answer(JSONValue(answer, key: key))
            },
            list(
                "range", "Entries from one key to another, both included, by the keys' bytes.", [.from, .to, .reverse]
            ) {
                reader, question, page in
                try await reader.range(
                    from: question.query["from"].map(KeyText.init), to: question.query["to"].map(KeyText.init),
                    reverse: try question.flag("reverse"), limit: page.limit, after: page.after)
            },
            list("prefix", "Entries whose key's bytes begin with those of a text.", [.prefix]) {
                reader, question, page in
                try await reader.prefix(
                    KeyText(try question.needed("prefix")), limit: page.limit, after: page.after)
            },
            list("windows", "Windows that begin in a time span, of a key or of all.", .timeSpan, windows),
            list("sessions", "Sessions that touch a time span, of a key or of all.", .timeSpan, windows),
        ]
    }

    @Sendable private static func windows(
        _ reader: UntypedReader, _ question: Question, _ page: PageRequest
    ) async throws -> QueryAnswer<UntypedReader.Page> {
        try await reader.windows(
            of: question.query["key"].map(KeyText.init), from: try question.time("from") ?? Timestamp(ms: 0),
            to: try question.time("to") ?? Timestamp(ms: .max), reverse: try question.flag("reverse"),
            limit: page.limit, after: page.after)
    }
}

/// Which page of a list is requested.
struct PageRequest: Sendable {
    let limit: Int
    let after: StorePlace?

    /// - Throws: `ConsoleError.badParameter`.
    init(_ question: Question) throws(ConsoleError) {
        limit = Int(try question.number("limit", in: 1...Int64(ConsoleLimits.entries)) ?? 100)
        guard let text = question.query["after"] else {
            after = nil
            return
        }
        guard let bytes = [UInt8](hexadecimal: text) else {
            throw .badParameter("'after' is the 'next' of an earlier page, not '\(text)'")
        }
        after = StorePlace(bytes)
    }
}

extension RowPlace {
    /// - Throws: `ConsoleError.badParameter`.
    fileprivate init(_ question: Question) throws(ConsoleError) {
        switch (try question.time("at"), try question.time("start"), try question.time("end")) {
        case (nil, nil, nil): self = .only
        case (let time?, nil, nil): self = .at(time)
        case (nil, let start?, let end?): self = .session(Window(start: start, end: end))
        default: throw .badParameter("give 'at' for a window or a version, or 'start' and 'end' for a session")
        }
    }
}

extension QueryOptions {
    /// - Throws: `ConsoleError.badParameter`.
    fileprivate init(_ question: Question) throws(ConsoleError) {
        self.init()
        switch question.query["view"] {
        case nil: break
        case "committed": view = .committed
        case "newest": view = .newest
        case let text?: throw .badParameter("'view' has to be committed or newest, not '\(text)'")
        }
        allowsStale = try question.flag("stale")
        partition = try question.number("partition", in: 0...Int64(Int32.max)).map { Partition(Int32($0)) }
        for text in question.query["atLeast"]?.split(separator: ",") ?? [] {
            // Names of topics contain no colons.
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 3, let number = Int32(parts[1]), number >= 0, let offset = Int64(parts[2]) else {
                throw .badParameter("'atLeast' is topic:partition:offset, several separated by commas, not '\(text)'")
            }
            atLeast[TopicPartition(String(parts[0]), number)] = Offset(offset)
        }
    }
}

extension Array<Route.Parameter> {
    /// How a query is answered.
    fileprivate static var options: Self {
        [
            .init(
                name: "view", meaning: "Committed values, or the newest ones. See Docs/Queries.md.",
                schema: ["type": "string", "enum": ["committed", "newest"]]),
            .init(
                name: "stale", meaning: "Whether a store that is being restored, or a standby copy, may answer too.",
                schema: Route.Parameter.flag),
            .init(
                name: "partition", meaning: "The partition to ask; without it that of the key, or all.",
                schema: ["type": "integer", "minimum": .number(0), "maximum": .number(Int32.max)]),
            .init(
                name: "atLeast",
                meaning: "Waits until the answer contains the input up to these offsets: topic:partition:offset, …",
                schema: Route.Parameter.text),
        ]
    }

    fileprivate static var page: Self {
        [
            .init(
                name: "limit", meaning: "How many entries at most. A page of large values has fewer.",
                schema: [
                    "type": "integer", "minimum": .number(1), "maximum": .number(ConsoleLimits.entries),
                    "default": .number(100),
                ]),
            .init(name: "after", meaning: "The 'next' of the page before.", schema: Route.Parameter.text),
        ]
    }

    fileprivate static var timeSpan: Self {
        [
            .key(isRequired: false),
            .init(
                name: "from", meaning: "From this time on, in milliseconds since 1970.", schema: Route.Parameter.integer
            ),
            .init(name: "to", meaning: "Up to this time, included.", schema: Route.Parameter.integer),
            .reverse,
        ]
    }
}

extension Route.Parameter {
    fileprivate static let at = Self(
        name: "at", meaning: "When a window begins, or as of when a version was valid: milliseconds since 1970.",
        schema: integer)
    fileprivate static let start = Self(name: "start", meaning: "The start of a session.", schema: integer)
    fileprivate static let end = Self(name: "end", meaning: "The end of a session.", schema: integer)
    fileprivate static let from = Self(name: "from", meaning: "The first key.", schema: text)
    fileprivate static let to = Self(name: "to", meaning: "The last key.", schema: text)
    fileprivate static let reverse = Self(
        name: "reverse", meaning: "From the last one down to the first.", schema: flag)
    fileprivate static let prefix = Self(
        name: "prefix", meaning: "A text, or bytes as {\"hex\": \"…\"}.", schema: text, isRequired: true)
}

// MARK: Answers

extension JSONValue {
    fileprivate init(_ answer: QueryAnswer<UntypedEntry?>, key: KeyText) {
        let members: [Member] =
            answer.value?.members
            ?? [Member(name: "key", value: .string(key.text)), Member(name: "value", value: .null)]
        self = .object(members + [Member(name: "found", value: .bool(answer.value != nil))] + answer.validity)
    }

    fileprivate init(_ answer: QueryAnswer<UntypedReader.Page>) {
        let (entries, next) = answer.value
        self = .object(
            [
                Member(name: "entries", value: .array(entries.map { .object($0.members) })),
                Member(name: "next", value: next.map { .string($0.bytes.hexadecimal) } ?? .null),
            ] + answer.validity)
    }
}

extension UntypedEntry {
    fileprivate var members: [JSONValue.Member] {
        var members = [JSONValue.Member](key: key, in: window) + [.init(name: "value", value: value)]
        if let timestamp { members.append(.init(name: "timestamp", value: .time(timestamp))) }
        if let validTo { members.append(.init(name: "validTo", value: .time(validTo))) }
        return members
    }
}

extension [JSONValue.Member] {
    /// What identifies a row.
    init(key: JSONValue, in window: Window?) {
        self = [.init(name: "key", value: key)]
        guard let window else { return }
        append(.init(name: "start", value: .time(window.start)))
        append(.init(name: "end", value: .time(window.end)))
    }
}

extension QueryAnswer {
    /// The members that describe what the answer is valid for.
    fileprivate var validity: [JSONValue.Member] {
        let position = position.sorted(on: \.key).map { partition, offset -> JSONValue in
            [
                "topic": .string(partition.topic), "partition": .number(partition.partition.number),
                "offset": .number(offset.value),
            ]
        }
        let lag = lag.map { lag -> JSONValue in
            [
                "store": .string(lag.store), "topic": .string(lag.changelog.topic),
                "partition": .number(lag.changelog.partition.number), "remaining": .number(lag.records),
                "isStandby": .bool(lag.isStandby),
            ]
        }
        return [
            .init(name: "position", value: .array(position)), .init(name: "ageMs", value: .number(age.milliseconds)),
            .init(name: "lag", value: .array(lag)),
        ]
    }
}
