import MoldauRecords
import MoldauState
import MoldauTopology

extension StreamJoin where Left == Right {
    /// Adds the single node of a join of a stream with itself, which reads the single store. The results and their
    /// order are those of the join with two stores.
    func addSelfJoin(_ names: StreamJoinNames, _ store: StoreDefinition, to topology: inout Topology) throws {
        let make: @Sendable (NodeContext) throws -> Any = { try joiningWithItself($0, store: names.leftStore) }
        let operation = OperatorDescription.selfJoin(kind, windows.described)
        try topology.add(TopologyNode(names.merge, .processor(make: make), operation, parents: [names.leftWindowed]))
        try topology.add(store, for: [names.leftWindowed, names.merge])
    }

    private func joiningWithItself(_ context: NodeContext, store: String) throws -> Inlet<Key, Left> {
        let records: WindowStore<Key, Left> = try context.store(named: store)
        let forward = try context.nextCounted(Key.self, Result.self).receive
        let (beforeMs, afterMs) = (windows.before.milliseconds, windows.after.milliseconds)
        let retentionMs = windows.retention.milliseconds
        let observed = ObservedTime(context)

        func emit(_ record: Record<Key, Left>, _ left: Left?, _ right: Left?, at time: Timestamp) throws {
            let result: Result?
            do { result = try joiner(record.key, left, right) } catch { return try context.failed(error) }
            if let result { try forward(record.with(value: result).with(timestamp: time)) }
        }

        func others(of record: Record<Key, Left>, _ beforeMs: Int64, _ afterMs: Int64) throws -> StoreIterator<
            Windowed<Key>, Left
        > {
            let (time, zero) = (record.timestamp, Timestamp(ms: 0))
            return try records.fetch(
                record.key, from: max(zero, time.subtracting(ms: beforeMs)), to: max(zero, time.adding(ms: afterMs)))
        }

        return Inlet { record in
            if left.isNull(record.value) { return context.drop(.nullValue) }
            if key.isNull(record.key) {
                // Such a record matches no record, not even itself.
                if kind == .inner {
                    context.drop(.nullKey)
                } else {
                    try emit(record, record.value, nil, at: record.timestamp)
                }
                if kind == .outer { try emit(record, nil, record.value, at: record.timestamp) }
                return
            }
            let time = record.timestamp
            let streamTime = observed.observe(time)
            try others(of: record, beforeMs, afterMs).forEach { other, value in
                try emit(record, record.value, value, at: max(time, other.window.start))
            }
            // The record's match with itself comes before those with later records; if it is too late, it would not
            // have been stored and does not match itself. As in Kafka Streams that begins a millisecond early, except
            // in a window of no length.
            var emitsItself =
                time.ms > streamTime.subtractingCapped(retentionMs).addingCapped(1)
                || retentionMs < 1 && time.ms == streamTime
            try others(of: record, afterMs, beforeMs).forEach { other, value in
                if emitsItself, other.window.start > time {
                    emitsItself = false
                    try emit(record, record.value, record.value, at: time)
                }
                try emit(record, value, record.value, at: max(time, other.window.start))
            }
            if emitsItself { try emit(record, record.value, record.value, at: time) }
        }
    }
}
