import MoldauRecords
import MoldauRuntime
import MoldauTopology

extension Routes {
    /// The topics of the application, and their records.
    static func topicRoutes(_ subject: ConsoleSubject) -> [Route] {
        let engine = subject.engine
        return [
            Route("/topics", "The topics that the application reads and writes.", .json("Topics")) { _ in
                try Answer(["topics": engine.graph.topics])
            },
            Route(
                "/topics/{topic}/records", "Records of a partition, or those with a key.", .json("Records"), .records
            ) { question in
                let name = question[path: "topic"]
                guard let topic = engine.graph.topics.first(where: { $0.name == name }) else {
                    throw ConsoleError.unknownTopic(name)
                }
                let found = try await subject.limits.topicReads.during {
                    // A topic may have been created since the application started.
                    let count =
                        if let known = topic.partitions { known } else {
                            try await engine.partitionCount(of: topic.name)
                        }
                    return try await engine.read(try TopicReading(question, topic.name, partitions: count))
                }
                return Answer(JSONValue(found))
            },
        ]
    }
}

extension TopicReading {
    /// - Throws: `ConsoleError.badParameter`.
    fileprivate init(_ question: Question, _ topic: String, partitions count: Int32) throws(ConsoleError) {
        let key = question.query["key"].map { KeyText($0).prefix }
        let chosen = try question.number("partition", in: 0...Int64(max(count, 1) - 1)).map { Partition(Int32($0)) }
        // A key is searched for in the partition that Kafka's producers choose for it.
        let partition = chosen ?? key.map { $0.withUnsafeBytes { Partitioner.partition(ofKey: $0, count: count) } }
        let start: Start
        switch question.query["offset"] {
        case "earliest": start = .earliest
        case "latest": start = .latest
        case nil: start = key == nil ? .latest : .earliest
        default:
            // Words such as `latest` were handled above.
            let offset = try question.number("offset", in: 0...Int64.max)
            start = offset.map { .offset(Offset($0)) } ?? .latest
        }
        self.init(
            TopicPartition(topic, partition ?? Partition(0)), from: start,
            limit: Int(try question.number("limit", in: 1...Int64(ConsoleLimits.records)) ?? 50), key: key)
    }
}

extension Array<Route.Parameter> {
    fileprivate static var records: Self {
        [
            .init(
                name: "partition", meaning: "Its number; without it that of the key, or 0.",
                schema: ["type": "integer", "minimum": .number(0)]),
            .init(
                name: "offset", meaning: "Where to begin: a number, 'earliest', or 'latest' for the last records.",
                schema: ["type": "string", "pattern": "^(earliest|latest|[0-9]{1,19})$"]),
            .init(
                name: "limit", meaning: "How many records at most.",
                schema: [
                    "type": "integer", "minimum": .number(1), "maximum": .number(ConsoleLimits.records),
                    "default": .number(50),
                ]),
            .init(
                name: "key",
                meaning:
                    "Only records with this key: text, or bytes as {\"hex\": \"…\"}. Reads at most 100,000 records, or for "
                    + "two seconds; 'next' is where to continue.", schema: Route.Parameter.text),
        ]
    }
}

extension JSONValue {
    fileprivate init(_ found: TopicReading.Found) {
        let records = found.records.map { record -> JSONValue in
            [
                "partition": .number(record.partition.number), "offset": .number(record.offset.value),
                "timestamp": .time(record.timestamp), "key": record.key.map(JSONValue.bytes) ?? .null,
                "value": record.value.map(JSONValue.bytes) ?? .null,
                "headers": .array(
                    record.headers.map {
                        ["name": .string($0.name), "value": $0.value.map(JSONValue.bytes) ?? .null]
                    }),
            ]
        }
        self = [
            "records": .array(records), "begin": .number(found.held.lowerBound.value),
            "end": .number(found.held.upperBound.value), "next": .number(found.next.value),
        ]
    }
}
