import MoldauRecords
import MoldauState
import MoldauTopology

extension TypedSourceHead {
    /// Puts the records of a table's topic into its store, and forwards nothing.
    convenience init<Key, Value>(
        storing topic: Topic<Key, Value>, in store: String, _ context: NodeContext,
        timestamps: TimestampExtractor<Key?, Value?>? = nil
    ) throws {
        let rows = try TableRows<Key, Value>(context, store)
        let inlet = Inlet<Key?, Value?> { record in
            guard let key = record.key else { return context.drop(.nullKey) }
            _ = try rows.put(key, record.value, at: record.timestamp)
        }
        self.init(
            key: topic.key.optional, value: topic.value.optional, timestamps: timestamps?.extract(in: context),
            in: context, next: inlet)
    }
}

/// The store of a table: each key's latest value, those of the most recently used keys, or each key's versions.
@usableFromInline enum TableRows<Key, Value> {
    @usableFromInline typealias Row = ValueAndTimestamp<Value>

    case latest(TimestampedKeyValueStore<Key, Value>)
    case usedLast(LRUKeyValueStore<Key, Row>)
    case versioned(VersionedKeyValueStore<Key, Value>)

    @inlinable init(_ context: NodeContext, _ name: String) throws {
        if let versions = try context.storeIfTyped(named: name, as: VersionedKeyValueStore<Key, Value>.self) {
            self = .versioned(versions)
        } else if let rows = try context.storeIfTyped(named: name, as: LRUKeyValueStore<Key, Row>.self) {
            self = .usedLast(rows)
        } else {
            self = .latest(try context.store(named: name))
        }
    }

    /// Prefetches the rows of the keys of the next records.
    @usableFromInline var expectation: ((UnsafeBufferPointer<RecordView>) -> Void)? {
        guard case .latest(let store) = self else { return nil }
        return { store.expect($0) }
    }

    /// The row of a key: the one that was valid at `time` if the store is versioned, else the latest one.
    @inlinable func get(_ key: Key, asOf time: Timestamp? = nil) throws -> Row? {
        switch self {
        case .latest(let store): return try store.get(key)
        case .usedLast(let store): return try store.get(key)
        case .versioned(let store):
            let version = if let time { try store.get(key, asOf: time) } else { try store.get(key) }
            return version.map { ValueAndTimestamp($0.value, at: $0.timestamp) }
        }
    }

    /// Sets the row that is valid from `time` on; nil deletes it.
    @inlinable func put(_ key: Key, _ value: Value?, at time: Timestamp) throws -> VersionedPutResult {
        switch self {
        case .latest(let store):
            try store.put(key, value.map { ValueAndTimestamp($0, at: time) })
            return .latest
        case .usedLast(let store):
            try store.put(key, value.map { ValueAndTimestamp($0, at: time) })
            return .latest
        case .versioned(let store): return try store.put(key, value, at: time)
        }
    }

    /// Replaces a key's latest row by the result of `body`. nil deletes it, as of `time` or the old row's time if that
    /// is later.
    @inlinable @inline(__always) func update(
        _ key: Key, at time: Timestamp, _ body: (Row?) throws -> Row?
    ) throws -> (old: Row?, new: Row?, result: VersionedPutResult) {
        switch self {
        case .latest(let store):
            let change = try store.update(key, body)
            return (change.old, change.new, .latest)
        case .usedLast(let store):
            let change = try store.update(key, body)
            return (change.old, change.new, .latest)
        case .versioned(let store):
            let old = try get(key)
            let new = try body(old)
            let timestamp = new?.timestamp ?? max(time, old?.timestamp ?? time)
            return (old, new, try store.put(key, new?.value, at: timestamp))
        }
    }
}
