import MoldauRecords
import MoldauState
import MoldauTopology

/// How a windowed aggregation cuts time, and where it keeps its windows.
@usableFromInline struct WindowSettings: Sendable {
    @usableFromInline let windows: TimeWindows
    let emit: EmitStrategy
    let store: String
    let memory: WindowMemory
}

/// What a windowed aggregation is made of, before a task wires it.
@usableFromInline struct WindowAggregation<Key, Value, Result>: Sendable {
    @usableFromInline let fold: Fold<Key, Value, Result>
    @usableFromInline let settings: WindowSettings
    @usableFromInline let key: Serde<Key>
    @usableFromInline let value: Serde<Value>

    @inlinable init(
        fold: Fold<Key, Value, Result>, settings: WindowSettings, key: Serde<Key>, value: Serde<Value>
    ) {
        self.fold = fold
        self.settings = settings
        self.key = key
        self.value = value
    }

    /// The node in a task.
    /// - Parameter reportsInitial: whether the initial value is the old one of a window's first change, as Kafka Streams
    ///   has it unless changes are held.
    @inlinable func inlet(
        _ context: NodeContext, _ changes: ChangeForwarder<Windowed<Key>, Result>, reportsInitial: Bool
    ) throws -> Inlet<Key, Value> {
        let rows = try WindowRows(self, context, changes, reportsInitial: reportsInitial)
        let windows = settings.windows
        if windows.isSliding { return rows.slidingInlet(differenceMs: windows.sizeMs) }
        let keyNull = key.null
        return Inlet { record in
            if let keyNull, keyNull.isNull(record.key) { return context.drop(.nullKey) }
            if rows.mayHaveUnsent { try rows.sendUnsent(record) }
            let closeTime = rows.observe(record.timestamp)
            var (isSkipped, isInWindow) = (false, false)
            try windows.forEach(at: record.timestamp) { window in
                // Windows of one's own, such as days of a time zone, may begin before 1970.
                if window.start.ms < 0 { return true }
                isInWindow = true
                if window.end.ms > closeTime {
                    isSkipped = !(try rows.update(record, in: window))
                } else {
                    context.drop(.late)
                }
                return !isSkipped
            }
            if !isInWindow { context.drop(.outsideWindows) }
            if !isSkipped, rows.closer != nil { try rows.sendClosed(record, closeTime) }
        }
    }
}

/// The windows of one task's aggregation: its store and what goes downstream.
@usableFromInline final class WindowRows<Key, Value, Result> {
    @usableFromInline typealias Row = ValueAndTimestamp<Result>

    @usableFromInline let context: NodeContext
    @usableFromInline let store: TimestampedWindowStore<Key, Result>
    let valueNull: Serde<Value>.Null?
    let keyNull: Serde<Key>.Null?
    @usableFromInline let fold: Fold<Key, Value, Result>
    @usableFromInline let changes: ChangeForwarder<Windowed<Key>, Result>
    @usableFromInline let closer: WindowCloser?
    @usableFromInline let reportsInitial: Bool
    /// Whether all that the store holds is known to those downstream.
    @usableFromInline let remembersAll: Bool
    @usableFromInline let graceMs: Int64
    private let closingMs: Int64
    /// Whether there may be windows that were to be sent when they close, while each change is sent now.
    @usableFromInline private(set) var mayHaveUnsent: Bool
    /// Unlike the store's it is that of records, not of windows.
    @usableFromInline let streamTime: ObservedTime

    @usableFromInline init(
        _ aggregation: WindowAggregation<Key, Value, Result>, _ context: NodeContext,
        _ changes: ChangeForwarder<Windowed<Key>, Result>, reportsInitial: Bool
    ) throws {
        self.context = context
        self.changes = changes
        self.reportsInitial = reportsInitial
        let settings = aggregation.settings
        streamTime = ObservedTime(context)
        store = try context.store(named: settings.store)
        (keyNull, valueNull) = (aggregation.key.null, aggregation.value.null)
        fold = aggregation.fold
        remembersAll = settings.memory == .complete
        let windows = settings.windows
        (graceMs, closingMs) = (windows.graceMs, windows.closingMs)
        closer =
            settings.emit == .onWindowClose
            ? WindowCloser(context, store.segments, closingMs: windows.closingMs) : nil
        mayHaveUnsent = closer == nil
        if mayHaveUnsent { store.segments.keptFrom = 0 }
    }

    @usableFromInline func slidingInlet(differenceMs: Int64) -> Inlet<Key, Value> {
        let sliding = SlidingAggregation(self, differenceMs: differenceMs)
        return Inlet { record in try sliding.receive(record) }
    }

    /// Takes note of a record's time.
    /// - Returns: stream time less the grace: windows that ended before are closed.
    @inlinable func observe(_ time: Timestamp) -> Int64 {
        streamTime.observe(time).subtractingCapped(graceMs)
    }

    /// Adds a record to a window.
    /// - Returns: false where user code failed and the record is to be skipped.
    @inlinable func update(_ record: Record<Key, Value>, in window: Window) throws -> Bool {
        var reportedOld: Result?
        var timestamp = record.timestamp
        let reportsOld = reportsOld(of: window)
        let change: (old: Row?, new: Row?)
        do {
            change = try store.update(record.key, at: window.start) { old in
                let (before, after) = try fold.adding(record.key, record.value, to: old?.value)
                reportedOld = reportsInitial ? before : reportsOld ? old?.value : nil
                if let old { timestamp = max(timestamp, old.timestamp) }
                return after.map { ValueAndTimestamp($0, at: timestamp) }
            }
        } catch {
            try context.failed(error)
            return false
        }
        try send(record, window, new: change.new?.value, old: reportedOld, at: timestamp)
        return true
    }

    /// Makes a window of a base and a record.
    /// - Parameters:
    ///   - base: what the record is added to; nil: the initial value.
    ///   - stored: what the window holds.
    /// - Returns: false where user code failed and the record is to be skipped.
    func make(_ window: Window, of base: Row?, stored: Row?, with record: Record<Key, Value>) throws -> Bool {
        let (before, after): (Result?, Result?)
        do { (before, after) = try fold.adding(record.key, record.value, to: base?.value) } catch {
            try context.failed(error)
            return false
        }
        let timestamp = max(record.timestamp, base?.timestamp ?? record.timestamp)
        let old = reportsOld(of: window) ? stored?.value : nil
        try store.put(record.key, after.map { ValueAndTimestamp($0, at: timestamp) }, at: window.start)
        try send(record, window, new: after, old: reportsInitial ? before : old, at: timestamp)
        return true
    }

    /// What Kafka Streams finds only in its record cache is no old value.
    @inlinable func reportsOld(of window: Window) -> Bool {
        remembersAll || store.segments.isWithinRetention(window.start.ms)
    }

    /// Gives a new window a value that is known.
    func put(_ row: Row, in window: Window, for record: Record<Key, Value>) throws {
        try store.put(record.key, row, at: window.start)
        try send(record, window, new: row.value, old: nil, at: row.timestamp)
    }

    @inlinable func send(
        _ record: Record<Key, Value>, _ window: Window, new: Result?, old: Result?, at timestamp: Timestamp
    ) throws {
        guard closer == nil else { return }
        try changes.send(record.with(key: Windowed(record.key, in: window)), new: new, old: old, at: timestamp)
    }

    /// Sends the windows that nobody knows of because they were to be sent when they close, which is not when they are sent now.
    @usableFromInline func sendUnsent(_ record: Record<Key, Value>) throws {
        mayHaveUnsent = false
        defer { store.segments.keptFrom = .max }
        guard let first = WindowCloser.unsentTime(of: store.name, in: context.task, closingMs: closingMs) else {
            return
        }
        let unsent = try store.fetch(keysFrom: nil, through: nil, from: first, to: Timestamp(ms: .max)).collect()
        for (windowed, row) in unsent.sortedStably(by: { $0.key.window.start < $1.key.window.start }) {
            try changes.send(record.with(key: windowed), new: row.value, old: nil, at: row.timestamp)
        }
    }

    /// Sends the windows that are closed now, where that is when they are sent.
    @usableFromInline func sendClosed(_ record: Record<Key, Value>, _ closeTime: Int64) throws {
        guard let closer else { return }
        try closer.closed(at: closeTime) { starts in
            let (first, last) = (Timestamp(ms: starts.lowerBound), Timestamp(ms: starts.upperBound))
            let closed = try store.fetch(keysFrom: nil, through: nil, from: first, to: last).collect()
            for (windowed, row) in closed.sortedStably(by: { $0.key.window.start < $1.key.window.start }) {
                try changes.send(record.with(key: windowed), new: row.value, old: nil, at: row.timestamp)
            }
        }
    }
}

extension Array {
    /// Sorted, equal elements in the order that they have.
    func sortedStably(by isBefore: (Element, Element) -> Bool) -> [Element] {
        enumerated().sorted { left, right in
            isBefore(left.element, right.element)
                || !isBefore(right.element, left.element) && left.offset < right.offset
        }.map(\.element)
    }
}
