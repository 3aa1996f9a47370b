import MoldauRecords
import MoldauState
import MoldauTopology

/// The definition of an aggregation over sessions, before a task wires it.
struct SessionAggregation<Key, Value, Result>: Sendable {
    let fold: Fold<Key, Value, Result>
    let merge: @Sendable (Result, Key, Result) throws -> Result?
    let windows: SessionWindows
    let emit: EmitStrategy
    let store: String
    let memory: WindowMemory
    let key: Serde<Key>

    /// Makes the node for a task.
    /// - Parameter reportsOld: whether the change of a session that keeps its bounds carries the old value; in Kafka
    ///   Streams it does only if changes are held.
    func inlet(
        _ context: NodeContext, _ changes: ChangeForwarder<Windowed<Key>, Result>, reportsOld: Bool
    ) throws -> Inlet<Key, Value> {
        let sessions = try Sessions(self, context, changes, reportsOld: reportsOld)
        return Inlet { record in try sessions.receive(record) }
    }
}

/// The sessions of one task's aggregation.
private final class Sessions<Key, Value, Result> {
    private let aggregation: SessionAggregation<Key, Value, Result>
    private let context: NodeContext
    private let changes: ChangeForwarder<Windowed<Key>, Result>
    private let store: SessionStore<Key, Result>
    private let closer: WindowCloser?
    private let reportsOld: Bool
    /// Whether the store may hold sessions that were to be emitted on close, although every change is emitted now.
    private var mayHaveUnsent: Bool
    private let keyNull: Serde<Key>.Null?
    private let streamTime: ObservedTime

    init(
        _ aggregation: SessionAggregation<Key, Value, Result>, _ context: NodeContext,
        _ changes: ChangeForwarder<Windowed<Key>, Result>, reportsOld: Bool
    ) throws {
        self.aggregation = aggregation
        self.context = context
        self.changes = changes
        self.reportsOld = reportsOld
        streamTime = ObservedTime(context)
        store = try context.store(named: aggregation.store)
        keyNull = aggregation.key.null
        // The end is inclusive: a session closes a millisecond after it.
        closer =
            aggregation.emit == .onWindowClose ? WindowCloser(context, store.segments, closingMs: 1) : nil
        mayHaveUnsent = closer == nil
        if mayHaveUnsent { store.segments.keptFrom = 0 }
        if closer != nil { context.task.add(holder: context.node) { [weak self] in try self?.open() } }
    }

    /// The sessions that have not been emitted.
    private func open() throws -> HeldRecords? {
        guard let closer else { return nil }
        let sessions = try store.sessions(endingFrom: closer.unsentFrom, to: Timestamp(ms: .max))
        return try HeldRecords(.windowClose, sessions, streamTime: streamTime.latest) {
            $0.window.end.adding(ms: 1).adding(ms: aggregation.windows.closingMs)
        }
    }

    func receive(_ record: Record<Key, Value>) throws {
        if let keyNull, keyNull.isNull(record.key) { return context.drop(.nullKey) }
        if mayHaveUnsent { try sendUnsent(record) }
        let closeTime = streamTime.observe(record.timestamp).subtractingCapped(aggregation.windows.closingMs)
        let joined = try sessions(around: record)
        let point = Window(start: record.timestamp, end: record.timestamp)
        let window = joined.reduce(point) { $0.united(with: $1.key.window) }
        if window.end.ms >= closeTime {
            let value: Result?
            do { value = try aggregate(record, joined) } catch { return try context.failed(error) }
            try replace(joined, by: Windowed(record.key, in: window), value, isPoint: window == point, record)
        } else {
            context.drop(.late)
        }
        try sendClosed(record, closeTime)
    }

    /// The sessions that a record belongs to, in the order of their ends.
    private func sessions(around record: Record<Key, Value>) throws -> [(key: Windowed<Key>, value: Result)] {
        let (time, gap) = (record.timestamp, aggregation.windows.gapMs)
        return try store.sessions(
            of: record.key, endingFrom: max(Timestamp(ms: 0), time.subtracting(ms: gap)),
            beginningTo: time.adding(ms: gap)
        ).collect()
    }

    private func aggregate(
        _ record: Record<Key, Value>, _ joined: [(key: Windowed<Key>, value: Result)]
    ) throws -> Result? {
        var value = try aggregation.fold.initial?()
        for session in joined {
            value = try value.map { try aggregation.merge($0, record.key, session.value) } ?? session.value
        }
        return try aggregation.fold.adding(record.key, record.value, to: value).after
    }

    /// - Parameter isPoint: whether the new session consists of this record's time only: then no other session is
    ///   replaced.
    private func replace(
        _ joined: [(key: Windowed<Key>, value: Result)], by session: Windowed<Key>, _ value: Result?, isPoint: Bool,
        _ record: Record<Key, Value>
    ) throws {
        if !isPoint {
            for old in joined {
                try store.remove(old.key)
                try send(record, old.key, new: nil, old: reportedOld(old))
            }
        }
        let old = reportsOld && isPoint ? joined.first.flatMap { reportedOld($0) } : nil
        try store.put(session, value)
        try send(record, session, new: value, old: old)
    }

    /// The old value to report: none for a session that Kafka Streams finds in its record cache only.
    private func reportedOld(_ session: (key: Windowed<Key>, value: Result)) -> Result? {
        let isFound =
            aggregation.memory == .complete || store.segments.isWithinRetention(session.key.window.end.ms)
        return isFound ? session.value : nil
    }

    private func send(_ record: Record<Key, Value>, _ session: Windowed<Key>, new: Result?, old: Result?) throws {
        guard closer == nil else { return }
        try changes.send(record.with(key: session), new: new, old: old, at: session.window.end)
    }

    /// After a change from `.onWindowClose` to `.onWindowUpdate`: emits the sessions that were never emitted.
    private func sendUnsent(_ record: Record<Key, Value>) throws {
        mayHaveUnsent = false
        defer { store.segments.keptFrom = .max }
        guard let first = WindowCloser.unsentTime(of: store.name, in: context.task, closingMs: 1) else { return }
        try sendAll(endingFrom: first, to: Timestamp(ms: .max), record)
    }

    /// Emits the sessions that have closed, if sessions are emitted on close.
    private func sendClosed(_ record: Record<Key, Value>, _ closeTime: Int64) throws {
        guard let closer else { return }
        try closer.closed(at: closeTime) { ends in
            try sendAll(
                endingFrom: Timestamp(ms: ends.lowerBound), to: Timestamp(ms: ends.upperBound), record)
        }
    }

    private func sendAll(endingFrom first: Timestamp, to last: Timestamp, _ record: Record<Key, Value>) throws {
        let sessions = try store.sessions(endingFrom: first, to: last).collect()
        let inOrder = sessions.sortedStably {
            ($0.key.window.end, $0.key.window.start) < ($1.key.window.end, $1.key.window.start)
        }
        for (session, value) in inOrder {
            try changes.send(record.with(key: session), new: value, old: nil, at: session.window.end)
        }
    }
}
