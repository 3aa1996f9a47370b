import MoldauRecords
import MoldauState
import MoldauTopology

/// Forwards the changes of a table with a store: each at once, or the last one per key at the next commit.
///
/// Held changes are forwarded as Kafka Streams' record cache does: in the order of the keys' last updates, with the
/// time and headers of that update, the old value being that of the last flush. A change is omitted if the row existed
/// neither before nor after it.
@usableFromInline final class ChangeForwarder<Key, Value> {
    private struct Held {
        let key: Key
        let old: Value?
        var new: Value?
        var timestamp: Timestamp
        var headers: Headers
        var origin: RecordOrigin?
    }

    @usableFromInline let isHolding: Bool
    @usableFromInline let sendsOldValues: Bool
    /// For traced records: who wrote the store's rows.
    @usableFromInline let writers: RowWriters<Key>?
    /// Whether `send` uses `old`.
    @inlinable var needsOldValues: Bool { isHolding || sendsOldValues }
    @usableFromInline let forward: Inlet<Key, Change<Value>>.ReceiveParts
    private let encodeKey: Serde<Key>.Encode
    @usableFromInline let context: NodeContext
    @usableFromInline let task: TaskContext
    @usableFromInline let passed: PassedCount
    private let maxHeldKeys: Int
    private var held: [Held?] = []
    private var places: [[UInt8]: Int] = [:]
    private var keyBytes = ByteWriter()

    @usableFromInline init(
        _ context: NodeContext, store: String, emission: Emission, key: Serde<Key>, sendsOldValues: Bool
    ) throws {
        self.sendsOldValues = sendsOldValues
        forward = try context.next(Key.self, Change<Value>.self).receiveParts
        encodeKey = key.at(context.topic(ofStore: store), .key).encode
        self.context = context
        (task, passed) = (context.task, context.counting())
        let encodeKey = encodeKey
        writers = task.traces.map { RowWriters(ofStore: store, in: $0, key: encodeKey) }
        switch emission {
        case .everyChange: (isHolding, maxHeldKeys) = (false, 0)
        case .lastPerCommit(let limit):
            (isHolding, maxHeldKeys) = (true, max(limit, 1))
            task.beforeCommit(order: context.order(ofStore: store)) { [unowned self] in try flush() }
            task.add(holder: context.node) { [weak self] in
                guard let count = self?.places.count, count > 0 else { return nil }
                return HeldRecords(.commit, count: Int64(count))
            }
        }
    }

    /// Forwards or holds a change that the store accepted with `result`; drops (counted) one that it refused. The key
    /// and headers are those of `record`.
    @inlinable func send<Ignored>(
        _ record: Record<Key, Ignored>, new: Value?, old: Value?, at timestamp: Timestamp,
        _ result: VersionedPutResult = .latest
    ) throws {
        try send(record.key, record.headers, new: new, old: old, at: timestamp, result)
    }

    @inlinable func send(
        _ key: Key, _ headers: Headers, new: Value?, old: Value?, at timestamp: Timestamp, _ result: VersionedPutResult
    ) throws {
        if result == .refused { return context.drop(.olderThanHistory) }
        if let writers, writers.isNeeded { try writers.wrote(key) }
        if !isHolding {
            let change = Change(new: new, old: sendsOldValues ? old : nil, isLatest: result == .latest)
            passed.add()
            return try forward(key, change, timestamp, headers)
        }
        try hold(key, new: new, old: old, at: timestamp, headers)
    }

    @usableFromInline func hold(_ key: Key, new: Value?, old: Value?, at timestamp: Timestamp, _ headers: Headers)
        throws
    {
        var change = Held(key: key, old: old, new: new, timestamp: timestamp, headers: headers, origin: task.origin)
        keyBytes.removeAll()
        try encodeKey(change.key, &keyBytes)
        let bytes = [UInt8](keyBytes.bytes)
        if let place = places[bytes], let earlier = held[place] {
            change = Held(
                key: earlier.key, old: earlier.old, new: change.new, timestamp: change.timestamp,
                headers: change.headers,
                origin: change.origin)
            held[place] = nil
        }
        places[bytes] = held.count
        held.append(change)
        if places.count > maxHeldKeys || held.count > 2 * maxHeldKeys { try flush() }
    }

    private func flush() throws {
        guard !held.isEmpty else { return }
        let changes = held
        held = []
        places = [:]
        for case let change? in changes where change.new != nil || change.old != nil {
            passed.add()
            try task.onBehalf(of: change.origin) {
                try forward(
                    change.key, Change(new: change.new, old: sendsOldValues ? change.old : nil), change.timestamp,
                    change.headers)
            }
        }
    }
}
