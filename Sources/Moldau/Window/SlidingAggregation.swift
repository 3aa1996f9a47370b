// Windows of records that are at most a difference D apart.
//
// A record at time t is the last one of its left window [t − D, t], and comes just before its right window [t + 1, t +
// 1 + D]. Only windows with distinct contents are kept: the left window of each record, and its right one once it holds
// a record. So a record that arrives
//
//     ─────[ window A ]───────────────      ends before t: its aggregate may be the base of the left window
//     ───────────[ window B ]─────────      contains t: gets the record
//     ───────────────────t────────────
//     ────────────────────[ right ]───      starts after t: its base is B's aggregate, if B reaches beyond t
//
// updates the windows that contain it, and makes up to three: the right window of the previous record (which was empty
// until now), its own left one, and its own right one. A window's timestamp is that of its last record: it tells
// whether the window holds records after t. Windows do not start before 0: records before D share the window [0, D].

import MoldauRecords
import MoldauState
import MoldauTopology

/// One task's aggregation over sliding windows.
final class SlidingAggregation<Key, Value, Result> {
    private typealias Row = ValueAndTimestamp<Result>

    private let rows: WindowRows<Key, Value, Result>
    private let difference: Int64

    init(_ rows: WindowRows<Key, Value, Result>, differenceMs: Int64) {
        self.rows = rows
        difference = differenceMs
    }

    /// What a record's neighbouring windows tell about it.
    private struct Neighbours {
        var starts: Set<Int64> = []
        /// The base of the record's left window, if the previous record is within it.
        var left: Row?
        /// The base of the record's right window, if there are records after this one.
        var right: Row?
        var hasLeft = false
        var hasRight = false
        /// The time of the previous record.
        var previous: Int64?
    }

    func receive(_ record: Record<Key, Value>) throws {
        if let null = rows.keyNull, null.isNull(record.key) { return rows.context.drop(.nullKey) }
        if let null = rows.valueNull, null.isNull(record.value) { return rows.context.drop(.nullValue) }
        if rows.mayHaveUnsent { try rows.sendUnsent(record) }
        let time = record.timestamp.ms
        let closeTime = rows.observe(record.timestamp)
        if time.addingCapped(1).addingCapped(difference) <= closeTime { return rows.context.drop(.late) }
        // As in Kafka Streams, closed windows are not searched for after such an early record.
        if time < difference { return try receiveEarly(record, closeTime) }
        if try slide(record, closeTime) { try rows.sendClosed(record, closeTime) }
    }

    private func window(_ start: Int64) -> Window {
        Window(start: Timestamp(ms: start), size: .milliseconds(difference))
    }

    /// - Returns: false if user code failed and the record must be skipped.
    private func slide(_ record: Record<Key, Value>, _ closeTime: Int64) throws -> Bool {
        let time = record.timestamp.ms
        var near = Neighbours()
        for (start, row) in try windows(around: record) {
            near.starts.insert(start)
            let end = start.addingCapped(difference)
            if start > time {
                near.hasRight = true
            } else if end >= time {
                guard try update(window(start), of: row, stored: row, with: record, closeTime) else { return false }
                if end > time {
                    near.right = near.right ?? row
                } else if row.timestamp.ms < time {
                    (near.hasLeft, near.previous) = (true, row.timestamp.ms)
                } else {
                    return true  // An earlier record had this very timestamp: its windows are also those of this one.
                }
            } else {
                (near.left, near.previous) = (row, row.timestamp.ms)
            }
        }
        return try makeWindows(record, closeTime, near)
    }

    /// The windows that may contain a record, or end before or start after it; newest first, up to the first one that
    /// ends before it.
    private func windows(around record: Record<Key, Value>) throws -> [(start: Int64, row: Row)] {
        let time = record.timestamp.ms
        var found: [(Int64, Row)] = []
        let newest = try rows.store.reverseFetch(
            record.key, from: Timestamp(ms: max(0, time.subtractingCapped(difference.addingCapped(difference)))),
            to: Timestamp(ms: time.addingCapped(1)))
        while let (windowed, row) = try newest.next() {
            found.append((windowed.window.start.ms, row))
            if windowed.window.start.ms.addingCapped(difference) < time { break }
        }
        return found
    }

    private func makeWindows(
        _ record: Record<Key, Value>, _ closeTime: Int64, _ near: Neighbours
    ) throws -> Bool {
        let time = record.timestamp.ms
        if let next = near.previous?.addingCapped(1), !near.starts.contains(next),
            next.addingCapped(difference) >= time
        {
            guard try update(window(next), of: nil, stored: nil, with: record, closeTime) else { return false }
        }
        if !near.hasLeft {
            let start = time.subtractingCapped(difference)
            let reachesBack = near.previous.map { $0 >= start } ?? false
            let base = reachesBack ? near.left.map { ValueAndTimestamp($0.value, at: record.timestamp) } : nil
            guard try update(window(start), of: base, stored: nil, with: record, closeTime) else {
                return false
            }
        }
        try makeRightWindow(record, near)
        return true
    }

    private func makeRightWindow(_ record: Record<Key, Value>, _ near: Neighbours) throws {
        guard !near.hasRight, let right = near.right, right.timestamp > record.timestamp else { return }
        try rows.put(right, in: window(record.timestamp.ms.addingCapped(1)), for: record)
    }

    private func receiveEarly(_ record: Record<Key, Value>, _ closeTime: Int64) throws {
        let time = record.timestamp.ms
        var near = Neighbours()
        var combined: Row?
        let oldest = try rows.store.fetch(
            record.key, from: Timestamp(ms: 0), to: record.timestamp.adding(ms: 1)
        ).collect()
        for (windowed, row) in oldest {
            let start = windowed.window.start.ms
            near.starts.insert(start)
            if start == 0 {
                combined = row
                if row.timestamp.ms < time { near.previous = row.timestamp.ms }
            } else if start <= time {
                near.right = row
                guard try update(window(start), of: row, stored: row, with: record, closeTime) else { return }
            } else {
                near.hasRight = true
            }
        }
        if near.right == nil, let combined, combined.timestamp.ms > time { near.right = combined }
        try makeRightWindow(record, near)
        if let next = near.previous?.addingCapped(1), !near.starts.contains(next) {
            guard try update(window(next), of: nil, stored: nil, with: record, closeTime) else { return }
        }
        _ = try update(window(0), of: combined, stored: combined, with: record, closeTime)
    }

    /// - Returns: false if user code failed and the record must be skipped.
    private func update(
        _ window: Window, of base: Row?, stored: Row?, with record: Record<Key, Value>, _ closeTime: Int64
    ) throws -> Bool {
        guard window.end.ms >= closeTime else {
            rows.context.drop(.late)
            return true
        }
        return try rows.make(window, of: base, stored: stored, with: record)
    }
}
