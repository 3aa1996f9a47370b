import MoldauRecords
import MoldauTopology

/// A record's value that an operator dropped, and why.
public struct Discarded<Value> {
    /// The value before the operators.
    public let value: Value
    /// Why the record was dropped.
    public let reason: DropReason
    /// The node that dropped it.
    public let node: String
    /// The error that user code threw, if the reason is `.processing`.
    public let error: (any Error)?

    /// A value that was dropped, and why.
    public init(value: Value, reason: DropReason, node: String, error: (any Error)? = nil) {
        (self.value, self.reason, self.node, self.error) = (value, reason, node, error)
    }
}

extension Discarded: Sendable where Value: Sendable {}

extension KStream {
    /// Diverts the records that the operators inside drop to a stream of their own; they are also counted.
    ///
    /// ```swift
    /// struct NoNumber: Error {}
    /// let (numbers, refused) = lines.diverting(.processing) { texts in
    ///     texts.mapValues { text in
    ///         guard let number = Int(text) else { throw NoNumber() }
    ///         return number
    ///     }
    /// }
    /// let problems = refused.mapValues { "\($0.value) \($0.reason.rawValue)" }
    /// // lines: 1=8, 2=eight
    /// // numbers: 1=8
    /// // problems: 2=eight processing
    /// ```
    /// A record is diverted unchanged, with its key, time and headers: once, when the operators have finished with it,
    /// even if it was late for some of its windows only. If an operator inside also gets records from elsewhere (the
    /// other side of a join), only those from this stream are diverted. If user code throws on a record that is
    /// diverted, the processing handler is not called. Results that were held back and are forwarded later, by a commit
    /// or at the end of a window, no longer belong to the record: a drop then does not divert it.
    ///
    /// - Parameters:
    ///   - reasons: the reasons to divert for; empty for all. `.processing`: user code threw. `.late`: a window or
    ///     session was over. `.expired`: a joined stream's record came too late for its store, so that no later record
    ///     will match it.
    ///   - operators: declares the operators. They must not repartition: do so before.
    ///   - given: the operator's name in descriptions and metrics; nil generates one.
    /// - Returns: the result of `operators`, and the stream of diverted records.
    public func diverting<Result>(
        _ reasons: DropReason..., named given: String? = nil,
        _ operators: (KStream<Key, Value>) throws -> Result
    ) rethrows -> (result: Result, aside: KStream<Key, Discarded<Value>>) {
        try diverting(Set(reasons), named: given, operators)
    }

    func diverting<Result>(
        _ reasons: Set<DropReason>, named given: String?, _ operators: (KStream<Key, Value>) throws -> Result
    ) rethrows -> (result: Result, aside: KStream<Key, Discarded<Value>>) {
        let name = builder.name(given, "KSTREAM-DIVERT-")
        let asideName = name + "-aside"
        let scope = DiversionScope(name, in: builder.scope)
        let entered: KStream<Key, Value> = adding(.divert, named: name, changesValue: true) { context in
            try entering(context, scope.nodes, reasons, aside: asideName)
        }
        let aside: KStream<Key, Discarded<Value>> = entered.following(
            GraphNode(asideName) { topology, parents in
                let make: TopologyNode.Make = { try $0.next(Key.self, Discarded<Value>.self) }
                try topology.add(TopologyNode(asideName, .processor(make: make), .diverted, parents: parents))
            })
        builder.scope = scope
        defer { builder.scope = scope.outer }
        return (try operators(entered), aside)
    }
}

private func entering<Key, Value>(
    _ context: NodeContext, _ nodes: Set<String>, _ reasons: Set<DropReason>, aside: String
) throws -> Inlet<Key, Value> {
    let forward = try context.next(Key.self, Value.self, besides: aside).receive
    let divert = try context.countedChild(named: aside, Key.self, Discarded<Value>.self).receive
    let (task, passed) = (context.task, context.counting())
    return Inlet { record in
        passed.add()
        let outer = task.diversion
        let diversion = Diversion(nodes: nodes, reasons: reasons, outer: outer) { discard in
            let value = Discarded(
                value: record.value, reason: discard.reason, node: discard.node, error: discard.error)
            try divert(record.with(value: value))
        }
        task.diversion = diversion
        defer { task.diversion = outer }
        try forward(record)
        try diversion.finish(in: task)
    }
}

extension KGroupedStream {
    /// Diverts the records that the operators inside drop. See `KStream.diverting`. If the key was changed, the
    /// repartition comes before them.
    ///
    /// ```swift
    /// let (counts, late) = clicks.groupBy { _, page in page }.diverting(.late) { pages in
    ///     pages.windowedBy(.tumbling(.seconds(60), grace: .zero)).count()
    /// }
    /// let missed = late.mapValues(\.value)
    /// // clicks: ada@10=/home, ada@70=/home, bob@20=/home
    /// // counts: /home[0-60]=1, /home[60-120]=1
    /// // missed: /home@20=/home
    /// ```
    public func diverting<Result>(
        _ reasons: DropReason..., named given: String? = nil,
        _ operators: (KGroupedStream<Key, Value>) throws -> Result
    ) rethrows -> (result: Result, aside: KStream<Key, Discarded<Value>>) {
        let (key, value) = (key, value)
        return try partitioned().diverting(Set(reasons), named: given) { stream in
            try operators(stream.groupByKey(key: key, value: value))
        }
    }

    private func partitioned() -> KStream<Key, Value> {
        guard stream.isKeyChanged else { return stream }
        let names = stream.builder.names
        return partitioned(
            for: name
                ?? names.settled(
                    names.processor(nil, "KSTREAM-REPARTITION-"), origin: stream.origin, operation: "rekeyed"))
    }
}
