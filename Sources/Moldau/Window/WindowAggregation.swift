import MoldauRecords
import MoldauState
import MoldauTopology

/// The windows of an aggregation, and the store that keeps them.
@usableFromInline struct WindowSettings: Sendable {
    @usableFromInline let windows: TimeWindows
    let emit: EmitStrategy
    let store: String
    let memory: WindowMemory
}

/// The definition of a windowed aggregation, before a task wires it.
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

    /// Makes the node for a task.
    /// - Parameter reportsInitial: whether a window's first change has the initial value as its old value, as in Kafka
    ///   Streams unless changes are held.
    @inlinable func inlet(
        _ context: NodeContext, _ changes: ChangeForwarder<Windowed<Key>, Result>, reportsInitial: Bool
    ) throws -> Inlet<Key, Value> {
        let rows = try WindowRows(self, context, changes, reportsInitial: reportsInitial)
        let windows = settings.windows
        if windows.isSliding { return rows.slidingInlet(differenceMs: windows.sizeMs) }
        let keyNull = key.null
        return Inlet(expecting: rows.expectation(of: windows)) { record in
            if let keyNull, keyNull.isNull(record.key) { return context.drop(.nullKey) }
            if rows.mayHaveUnsent { try rows.sendUnsent(record) }
            let closeTime = rows.observe(record.timestamp)
            var (isSkipped, isInWindow) = (false, false)
            try windows.forEach(at: record.timestamp) { window in
                // Custom windows, such as the days of a time zone, may start before 1970.
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

/// The windows of one task's aggregation: its store and the forwarding of results.
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
    /// Whether every row found in the store counts as an old value (`WindowMemory.complete`).
    @usableFromInline let remembersAll: Bool
    @usableFromInline let graceMs: Int64
    private let closingMs: Int64
    /// Whether the store may hold windows that were to be emitted on close, although every change is emitted now.
    @usableFromInline private(set) var mayHaveUnsent: Bool
    /// The stream time of the records; the store has its own, that of the windows.
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
        if closer != nil { context.task.add(holder: context.node) { [weak self] in try self?.open() } }
    }

    /// The windows that have not been emitted.
    private func open() throws -> HeldRecords? {
        guard let closer else { return nil }
        let windows = try store.fetch(keysFrom: nil, through: nil, from: closer.unsentFrom, to: Timestamp(ms: .max))
        return try HeldRecords(.windowClose, windows, streamTime: streamTime.latest) {
            $0.window.start.adding(ms: closingMs).adding(ms: graceMs)
        }
    }

    /// Prefetches the rows of the next records, if each record is in one window.
    @usableFromInline func expectation(of windows: TimeWindows) -> Inlet<Key, Value>.Expect? {
        guard case .aligned(let advanceMs) = windows.shape, advanceMs == windows.sizeMs else { return nil }
        return { [store] in store.expect($0, inWindowsOf: advanceMs) }
    }

    @usableFromInline func slidingInlet(differenceMs: Int64) -> Inlet<Key, Value> {
        let sliding = SlidingAggregation(self, differenceMs: differenceMs)
        return Inlet { record in try sliding.receive(record) }
    }

    /// Takes a record's timestamp into account.
    /// - Returns: stream time minus the grace period: windows that ended before it are closed.
    @inlinable func observe(_ time: Timestamp) -> Int64 {
        streamTime.observe(time).subtractingCapped(graceMs)
    }

    /// Adds a record to a window.
    /// - Returns: false if user code failed and the record must be skipped.
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

    /// Sets a window to a base plus a record.
    /// - Parameters:
    ///   - base: the aggregate that the record is added to; nil for the initial value.
    ///   - stored: the window's current row.
    /// - Returns: false if user code failed and the record must be skipped.
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

    /// Whether the row of a window counts as an old value: a row that Kafka Streams would find only in its record cache
    /// does not.
    @inlinable func reportsOld(of window: Window) -> Bool {
        remembersAll || store.segments.isWithinRetention(window.start.ms)
    }

    /// Sets a new window to an aggregate that is already known.
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

    /// After a change from `.onWindowClose` to `.onWindowUpdate`: emits the windows that were never emitted.
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

    /// Emits the windows that have closed, if windows are emitted on close.
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
    /// Sorts stably: equal elements keep their order.
    func sortedStably(by isBefore: (Element, Element) -> Bool) -> [Element] {
        enumerated().sorted { left, right in
            isBefore(left.element, right.element)
                || !isBefore(right.element, left.element) && left.offset < right.offset
        }.map(\.element)
    }
}
