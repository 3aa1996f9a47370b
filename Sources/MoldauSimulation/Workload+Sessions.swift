import MoldauRecords

/// Counts of sessions, computed with arrays: the expected output.
private struct ExpectedSessions {
    struct Session {
        let start: Int64
        let end: Int64
        let count: Int
    }

    /// The values of each session of a key, in order; 0 once it became part of another.
    private(set) var changes: [String: [String]] = [:]
    private(set) var sessions: [String: [Session]] = [:]

    init(_ input: [ReadRecord]) {
        for (_, records) in Dictionary(grouping: input, by: \.partition) { add(records) }
    }

    /// Adds the records of one partition.
    private mutating func add(_ records: [ReadRecord]) {
        var (streamTime, lastEnd): (Int64, Int64) = (-1, -1)
        for record in records {
            let time = record.timestamp
            streamTime = max(streamTime, time)
            // Stores delete a segment of a minute at a time.
            let firstKept = max(0, lastEnd - Workload.gapMs - Workload.graceMs - 1) / 60_000 * 60_000
            let joined = sessions[record.key, default: []].filter {
                $0.end >= max(firstKept, time - Workload.gapMs) && $0.start <= time + Workload.gapMs
            }
            let (start, end) = (
                min(time, joined.map(\.start).min() ?? time), max(time, joined.map(\.end).max() ?? time)
            )
            if end < streamTime - Workload.gapMs - Workload.graceMs { continue }
            if start < end { for old in joined { note(record.key, old.start, old.end, 0) } }
            sessions[record.key]?.removeAll { old in joined.contains { $0.start == old.start && $0.end == old.end } }
            let count = joined.reduce(1) { $0 + $1.count }
            sessions[record.key, default: []].append(Session(start: start, end: end, count: count))
            note(record.key, start, end, count)
            lastEnd = max(lastEnd, end)
        }
    }

    private mutating func note(_ key: String, _ start: Int64, _ end: Int64, _ count: Int) {
        changes["\(key)@\(start)-\(end)", default: []].append("\(count)")
    }
}

extension Workload {
    func sessionComplaints(_ input: [ReadRecord], _ outputs: [ReadRecord], isExact: Bool) -> [String] {
        let expected = ExpectedSessions(input)
        let got = outputs.valuesByKey
        guard isExact else { return missingSessions(expected, got) }
        return Set(got.keys).union(expected.changes.keys).sorted().compactMap { session in
            let (values, wanted) = (got[session] ?? [], expected.changes[session] ?? [])
            return values == wanted ? nil : "\(session): got \(values), expected \(wanted)"
        }
    }

    /// With at-least-once, counts may be too high, and sessions may be longer because of input that was never
    /// acknowledged and then lost.
    private func missingSessions(_ expected: ExpectedSessions, _ got: [String: [String]]) -> [String] {
        var last: [String: [ExpectedSessions.Session]] = [:]
        for (name, values) in got {
            let parts = name.split { $0 == "@" || $0 == "-" }.map(String.init)
            guard parts.count == 3, let start = Int64(parts[1]), let end = Int64(parts[2]) else { continue }
            let count = values.last.flatMap { Int($0) } ?? 0
            last[parts[0], default: []].append(ExpectedSessions.Session(start: start, end: end, count: count))
        }
        return expected.sessions.sorted(on: \.key).flatMap { key, sessions in
            sessions.filter { session in
                last[key]?.contains {
                    $0.start <= session.start && $0.end >= session.end && $0.count >= session.count
                } != true
            }
            .map { "\(key): no session holds the \($0.count) records from \($0.start) to \($0.end)" }
        }
    }
}
