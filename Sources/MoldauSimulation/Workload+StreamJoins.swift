import MoldauRecords

extension Workload {
    private var emitsUnmatchedLeft: Bool { self != .innerStreamJoin }
    private var emitsUnmatchedRight: Bool { self == .outerStreamJoin }

    /// The two inputs of a task are read side by side, and the order of their records is left to chance. The results
    /// are not, since no record of the run is older than the grace: each matching pair is there once, and each record
    /// without a match once, after its window and the grace have ended.
    func streamJoinComplaints(_ left: [ReadRecord], _ right: [ReadRecord], _ outcome: Outcome) -> [String] {
        var expected: [String: Int] = [:]
        var allowed: Set<String> = []
        var matched: Set<String> = []
        let others = Dictionary(grouping: right, by: \.key)
        for record in left {
            for other in others[record.key] ?? []
            where abs(record.timestamp.subtractingReportingOverflow(other.timestamp).partialValue) <= Self.nearMs {
                expected["\(record.key): \(record.value)|\(other.value)", default: 0] += 1
                matched.formUnion([record.value, other.value])
            }
        }
        let graceMs = outcome.forms.current.graceMs
        var streamTimes: [Int32: Int64] = [:]
        for record in left + right {
            streamTimes[record.partition] = max(streamTimes[record.partition] ?? 0, record.timestamp)
        }
        func noteUnmatched(_ records: [ReadRecord], _ result: (String) -> String) {
            for record in records where !matched.contains(record.value) {
                let name = "\(record.key): \(result(record.value))"
                let isOver = (streamTimes[record.partition] ?? 0) - Self.nearMs - graceMs > record.timestamp
                if isOver { expected[name] = 1 } else { allowed.insert(name) }
            }
        }
        if emitsUnmatchedLeft { noteUnmatched(left) { "\($0)|-" } }
        if emitsUnmatchedRight { noteUnmatched(right) { "-|\($0)" } }
        return differences(outcome, expected, allowed)
    }

    private func differences(_ outcome: Outcome, _ expected: [String: Int], _ allowed: Set<String>) -> [String] {
        var got: [String: Int] = [:]
        for record in outcome.outputs { got["\(record.key): \(record.value)", default: 0] += 1 }
        var complaints: [String] = []
        for (name, count) in expected.sorted(on: \.key) {
            let found = got[name] ?? 0
            if outcome.isExact ? found != count : found < count {
                complaints.append("\(name): there \(found) times, expected \(count)")
            }
        }
        guard outcome.isExact else { return complaints }
        for (name, count) in got.sorted(on: \.key) where expected[name] == nil {
            if !allowed.contains(name) || count > 1 { complaints.append("\(name): there \(count) times, expected 0") }
        }
        return complaints
    }
}
