import MoldauRecords
import MoldauTopology

extension StreamsBuilder {
    /// Reads a topic as a stream.
    ///
    /// ```swift
    /// let greetings = streams.stream(Topic<String, String>("greetings"), start: .latest)
    /// let replies = greetings.merge(lines).mapValues { "\($0) to you too" }
    /// // lines: ada=hello
    /// // replies: ada=hello to you too
    /// ```
    /// - Parameters:
    ///   - name: the node's name in descriptions and metrics.
    ///   - start: where to start without a committed offset.
    ///   - timestamps: extracts the timestamp of a record; nil for the record's own. A negative timestamp drops the
    ///     record (counted).
    ///   - topic: the topic to read.
    @inlinable public func stream<Key, Value>(
        _ topic: Topic<Key, Value>, named name: String? = nil, start: StartPosition = .earliest,
        timestamps: TimestampExtractor<Key, Value>? = nil
    ) -> KStream<Key, Value> {
        stream([topic], named: name, start: start, timestamps: timestamps)
    }

    /// Reads several topics of the same types as one stream, with the serdes of the first.
    ///
    /// ```swift
    /// let all = streams.stream([shouted, Topic("whispered")])
    /// // shouted: 1=TO BE
    /// // all: 1=TO BE
    /// ```
    @inlinable public func stream<Key, Value>(
        _ topics: [Topic<Key, Value>], named name: String? = nil, start: StartPosition = .earliest,
        timestamps: TimestampExtractor<Key, Value>? = nil
    ) -> KStream<Key, Value> {
        guard let first = topics.first else {
            return addingSource([], named: name, start: start) { _ in throw TopologyError.noTopic(source: name ?? "") }
        }
        let (key, value) = (first.key, first.value)
        return addingSource(topics.map(\.name), RecordFormat(key, value), named: name, start: start) { context in
            TypedSourceHead(
                key: key, value: value, timestamps: timestamps?.extract(in: context),
                in: context, next: try context.next(Key.self, Value.self))
        }
    }

    /// Reads the topics that match a pattern as one stream: those that exist when the application starts, and those
    /// that are created later.
    ///
    /// ```swift
    /// let clicks = streams.stream(matching: TopicPattern<String, String>("clicks-.*"))
    /// let pages = clicks.mapValues { $0.uppercased() }
    /// // clicks-eu: ada=/home
    /// // clicks-us: bob=/shop
    /// // pages: ada=/HOME, bob=/SHOP
    /// ```
    /// The application searches for topics every `StreamsConfiguration.topicSearchInterval`; if the set has changed it
    /// commits, and restarts its tasks with the new set. New topics are read from `start`, so `.latest` skips records
    /// that were written before the topics were found. A topic that the topology names elsewhere is read by that source
    /// only; the application's internal topics and topics that begin with `__` are not read. For operators that need
    /// equal keys together, aggregations and joins, all the topics need the same number of partitions, or the
    /// application stops with `RuntimeError.notCopartitioned`; `repartition()` brings equal keys together. The number
    /// of partitions of the state stays the one that the topics had at first.
    ///
    /// In tests, pass the existing topics to `TopologyTestDriver`.
    @inlinable public func stream<Key, Value>(
        matching topics: TopicPattern<Key, Value>, named name: String? = nil, start: StartPosition = .earliest,
        timestamps: TimestampExtractor<Key, Value>? = nil
    ) -> KStream<Key, Value> {
        addingSource(
            [], matching: topics.pattern, RecordFormat(topics.key, topics.value), named: name, start: start
        ) { context in
            TypedSourceHead(
                key: topics.key, value: topics.value, timestamps: timestamps?.extract(in: context),
                in: context, next: try context.next(Key.self, Value.self))
        }
    }

    @usableFromInline func addingSource<Key, Value>(
        _ topics: [String], matching pattern: String? = nil, _ format: RecordFormat? = nil, named given: String?,
        start: StartPosition,
        _ makeHead: @escaping TopologyNode.MakeHead
    ) -> KStream<Key, Value> {
        let name = name(given, "KSTREAM-SOURCE-")
        let node = GraphNode(name) { topology, _ in
            let source = TopologyNode.Source(topics: topics, pattern: pattern, start: start, makeHead: makeHead)
            try topology.add(TopologyNode(name, .source(source), format.map { .source($0) } ?? .custom))
        }
        node.source = .init(topics: topics, pattern: pattern, type: ObjectIdentifier(Record<Key, Value>.self))
        add(node, below: [])
        let origin = pattern.map { $0.map { $0.isLetter || $0.isNumber ? String($0) : "_" }.joined() }
        return KStream(
            builder: self, node: node, sources: [name], isKeyChanged: false,
            origin: origin ?? topics.joined(separator: "_"))
    }
}
