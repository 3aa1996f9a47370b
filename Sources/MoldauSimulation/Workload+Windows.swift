import MoldauRecords

/// Counts in windows, computed with a dictionary.
private struct ExpectedWindows {
    /// The windows that are closed at the end, with their counts.
    private(set) var closed: [String: Int] = [:]
    /// Windows that had closed but are open again because the grace has grown: it is not checked whether they were
    /// still there.
    private(set) var doubtful: Set<String> = []

    init(_ input: [ReadRecord], _ forms: FormHistory) {
        for (partition, records) in Dictionary(grouping: input, by: \.partition) {
            add(records, forms.forms(ofPartition: partition))
        }
    }

    private struct Window {
        let end: Int64
        var count = 0
    }

    private mutating func add(_ records: [ReadRecord], _ forms: [(form: TopologyForm, begin: Int64)]) {
        var open: [String: Window] = [:]
        var streamTime: Int64 = -1
        var doubts: [ClosedRange<Int64>] = []
        var next = forms[...]
        var form = next.removeFirst().form
        for record in records {
            while let changed = next.first, record.offset >= changed.begin {
                let (old, new) = (form.graceMs, changed.form.graceMs)
                if new > old { doubts.append((streamTime - new)...(streamTime - old)) }
                form = changed.form
                next.removeFirst()
            }
            streamTime = max(streamTime, record.timestamp)
            let start = record.timestamp / Workload.windowMs * Workload.windowMs
            let window = Window(end: start + Workload.windowMs)
            if window.end <= streamTime - form.graceMs { continue }
            open["\(record.key)@\(start)", default: window].count += 1
        }
        form = forms.last?.form ?? form
        for (key, window) in open {
            if doubts.contains(where: { $0.contains(window.end) }) {
                doubtful.insert(key)
            } else if window.end <= streamTime - form.graceMs {
                closed[key] = window.count
            }
        }
    }
}

extension Workload {
    func windowComplaints(_ input: [ReadRecord], _ outcome: Outcome) -> [String] {
        let expected = ExpectedWindows(input, outcome.forms)
        let got = outcome.outputs.valuesByKey
        // If each change is emitted now, or was for a while, the last one is the result.
        let isFinalOnly = outcome.forms.emitsOneWay && outcome.forms.current.emitsOnClose
        var complaints: [String] = []
        for (window, count) in expected.closed.sorted(on: \.key) {
            let values = got[window] ?? []
            let isRight =
                if !outcome.isExact {
                    values.contains { Int($0) ?? 0 >= count }
                } else if isFinalOnly {
                    values == ["\(count)"]
                } else {
                    values.last == "\(count)"
                }
            if !isRight { complaints.append("\(window): got \(values), expected \(count)") }
        }
        // With at-least-once, results of input that was lost before it was acknowledged may remain.
        guard outcome.isExact, isFinalOnly else { return complaints }
        for window in Set(got.keys).subtracting(expected.closed.keys).subtracting(expected.doubtful).sorted() {
            complaints.append("\(window): got \(got[window] ?? []), and it is not closed or has no records")
        }
        return complaints
    }

    /// Which records are late is left to chance if several partitions are written into one. But a thread that processes
    /// records as they arrive, or catches up with the oldest first, keeps every record that is not late compared with
    /// all records fed before it. Records from the future that are fed beside those of the present wait only for a
    /// limited time.
    func regroupedComplaints(_ input: [ReadRecord], _ outcome: Outcome) -> [String] {
        var (sure, all): ([String: Int], [String: Int]) = ([:], [:])
        var latest: Int64 = -1
        for record in input.sorted(by: { outcome.order[$0.value] ?? 0 < outcome.order[$1.value] ?? 0 }) {
            let start = record.timestamp / Self.windowMs * Self.windowMs
            let name = "\(Self.group(of: record.value))@\(start)"
            all[name, default: 0] += 1
            latest = max(latest, record.timestamp)
            // How much later records may be processed before this one although they were fed after it.
            let isInTime = start + Self.windowMs - Self.disorderMs > latest - outcome.forms.current.graceMs
            if isInTime { sure[name, default: 0] += 1 }
        }
        let got = outcome.outputs.valuesByKey
        return sure.sorted(on: \.key).compactMap { name, count in
            let last = got[name]?.compactMap { Int($0) }.max() ?? 0
            if outcome.isProcessedByTime, last < count {
                return "\(name): counted \(last), and \(count) records came in time"
            }
            if outcome.isExact, last > all[name] ?? 0 { return "\(name): counted \(last) of \(all[name] ?? 0)" }
            return nil
        }
    }

    /// By how much event time records of different partitions may change places if they are processed as they come.
    private static var disorderMs: Int64 { 6_000 }
}
