import Moldau
import MoldauRecords
import MoldauTopology

/// What a simulated application does, and what its output has to be.
enum Workload: String, CaseIterable, Sendable {
    /// Each record goes from one topic to another.
    case passThrough
    /// Words of lines, through a repartition topic, counted.
    case wordCount
    /// Counts in windows, sent when the windows are closed: held by a suppression.
    case suppressedWindows
    /// … held by the aggregation itself.
    case closingWindows
    /// Counts in sessions, each change sent.
    case sessions
    /// Orders, each with the row of its customer.
    case join

    static let applicationID = "app"
    static let windowMs: Int64 = 10_000
    static let graceMs: Int64 = 8_000
    static let gapMs: Int64 = 5_000
    static let keys = (0..<6).map { "k\($0)" }

    /// The topics that records are fed to; the first has those that `output` answers to.
    var inputs: [String] { self == .join ? ["orders", "customers"] : ["input"] }
    var output: String { "output" }

    func topology(_ options: TopologyOptions) throws -> Topology {
        let input = Topic<String, String>(inputs[0])
        let output = Topic<String, String>(output)
        return try Topology(options) { streams in
            switch self {
            case .passThrough: streams.stream(input).mapValues { $0 }.to(output)
            case .wordCount:
                streams.stream(input)
                    .flatMapValues { line in line.split(separator: " ").map(String.init) }
                    .groupBy { _, word in word }
                    .count(as: KeyValueStoreName<String, Int64>("counts"))
                    .toStream().mapValues { "\($0 ?? 0)" }.to(output)
            case .suppressedWindows:
                windows(streams.stream(input), .onWindowUpdate).suppress(.untilWindowCloses())
                    .toStream { key, _ in "\(key.key)@\(key.window.start)" }.mapValues { "\($0 ?? 0)" }.to(output)
            case .closingWindows:
                windows(streams.stream(input), .onWindowClose)
                    .toStream { key, _ in "\(key.key)@\(key.window.start)" }.mapValues { "\($0 ?? 0)" }.to(output)
            case .sessions:
                streams.stream(input).groupByKey()
                    .windowedBy(.sessions(gap: .milliseconds(Self.gapMs), grace: .milliseconds(Self.graceMs)))
                    .count(as: SessionStoreName<String, Int64>("sessions"))
                    .toStream { key, _ in "\(key.key)@\(key.window.start)-\(key.window.end)" }
                    .mapValues { "\($0 ?? 0)" }.to(output)
            case .join:
                streams.stream(input)
                    .leftJoin(streams.table(Topic<String, String>(inputs[1]))) { order, row in "\(order)|\(row ?? "-")"
                    }
                    .to(output)
            }
        }
    }

    private func windows(_ stream: KStream<String, String>, _ emit: EmitStrategy) -> KTable<Windowed<String>, Int64> {
        stream.groupByKey()
            .windowedBy(.tumbling(.milliseconds(Self.windowMs), grace: .milliseconds(Self.graceMs)), emit: emit)
            .count(as: WindowStoreName<String, Int64>("windows"))
    }
}

/// A record as it was read.
struct ReadRecord: Hashable, Sendable, CustomStringConvertible {
    let partition: Int32
    let offset: Int64
    let key: String
    let value: String
    let timestamp: Int64

    var description: String { "\(partition)@\(offset) \(key)=\(value) at \(timestamp)" }
}

extension Workload {
    /// What is wrong with what was written, given what is there to read.
    /// - Parameter isExact: whether each input counts once; otherwise at least once.
    func complaints(
        inputs: [String: [ReadRecord]], outputs: [ReadRecord], isExact: Bool
    ) -> [String] {
        let input = inputs[self.inputs[0]] ?? []
        switch self {
        case .passThrough: return sequenceComplaints(input, outputs, isExact: isExact)
        case .wordCount: return countComplaints(input, outputs, isExact: isExact)
        case .suppressedWindows, .closingWindows: return windowComplaints(input, outputs, isExact: isExact)
        case .sessions: return sessionComplaints(input, outputs, isExact: isExact)
        case .join: return joinComplaints(input, inputs[self.inputs[1]] ?? [], outputs, isExact: isExact)
        }
    }

    func byKey(_ records: [ReadRecord]) -> [(key: String, values: [String])] {
        var values: [String: [String]] = [:]
        for record in records { values[record.key, default: []].append(record.value) }
        return values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private func sequenceComplaints(_ input: [ReadRecord], _ outputs: [ReadRecord], isExact: Bool) -> [String] {
        let got = Dictionary(uniqueKeysWithValues: byKey(outputs).map { ($0.key, $0.values) })
        var complaints: [String] = []
        for (key, expected) in byKey(input) {
            var values = got[key] ?? []
            if !isExact {
                // What came of input that was lost before it was acknowledged may stay.
                var unseen = Set(expected)
                values = values.filter { unseen.remove($0) != nil }
            }
            if values != expected { complaints.append("\(key): \(Self.difference(values, expected))") }
        }
        let foreign = Set(outputs.map(\.key)).subtracting(input.map(\.key))
        if isExact && !foreign.isEmpty { complaints.append("output of no input: \(foreign.sorted())") }
        return complaints
    }

    /// Where two lists part.
    private static func difference(_ got: [String], _ expected: [String]) -> String {
        let place = zip(got, expected).prefix { $0 == $1 }.count
        return "at \(place) of \(expected.count): got \(got.dropFirst(place).prefix(3)), "
            + "expected \(expected.dropFirst(place).prefix(3))"
    }

    private func countComplaints(_ input: [ReadRecord], _ outputs: [ReadRecord], isExact: Bool) -> [String] {
        var counts: [String: Int] = [:]
        for line in input { for word in line.value.split(separator: " ") { counts[String(word), default: 0] += 1 } }
        let got = Dictionary(uniqueKeysWithValues: byKey(outputs).map { ($0.key, $0.values.compactMap { Int($0) }) })
        var complaints: [String] = []
        for (word, count) in counts.sorted(by: { $0.key < $1.key }) {
            let values = got[word] ?? []
            if isExact {
                let expected = (1...count).map(String.init)
                if values.map(String.init) != expected {
                    complaints.append("\(word): \(Self.difference(values.map(String.init), expected))")
                }
            } else if values.last ?? 0 < count {
                complaints.append("\(word) is counted \(values.last ?? 0) times, and was there \(count) times")
            }
        }
        return complaints
    }

    /// The windows that are closed at the end, with their counts.
    private func closedWindows(_ input: [ReadRecord]) -> [String: Int] {
        var closed: [String: Int] = [:]
        for (_, records) in Dictionary(grouping: input, by: \.partition) {
            var open: [String: (end: Int64, count: Int)] = [:]
            var streamTime: Int64 = -1
            for record in records {
                streamTime = max(streamTime, record.timestamp)
                let start = record.timestamp / Self.windowMs * Self.windowMs
                if start + Self.windowMs <= streamTime - Self.graceMs { continue }
                open["\(record.key)@\(start)", default: (start + Self.windowMs, 0)].count += 1
            }
            for (key, window) in open where window.end <= streamTime - Self.graceMs { closed[key] = window.count }
        }
        return closed
    }

    private func windowComplaints(_ input: [ReadRecord], _ outputs: [ReadRecord], isExact: Bool) -> [String] {
        let expected = closedWindows(input)
        let got = Dictionary(uniqueKeysWithValues: byKey(outputs).map { ($0.key, $0.values) })
        var complaints: [String] = []
        for (window, count) in expected.sorted(by: { $0.key < $1.key }) {
            let values = got[window] ?? []
            if isExact ? values != ["\(count)"] : !values.contains(where: { Int($0) ?? 0 >= count }) {
                complaints.append("\(window): got \(values), expected \(count)")
            }
        }
        // With at-least-once, what was written of input that was never acknowledged, and lost, stays.
        for window in Set(got.keys).subtracting(expected.keys).sorted() where isExact {
            complaints.append("\(window): got \(got[window] ?? []), and it is not closed or has no records")
        }
        return complaints
    }

    private func joinComplaints(
        _ orders: [ReadRecord], _ customers: [ReadRecord], _ outputs: [ReadRecord], isExact: Bool
    ) -> [String] {
        let rows = Dictionary(uniqueKeysWithValues: byKey(customers).map { ($0.key, $0.values) })
        var complaints = sequenceComplaints(orders, outputs.map { $0.with(value: $0.parts.order) }, isExact: isExact)
        for (key, values) in byKey(outputs) {
            var last = -1
            for value in values.map({ ReadRecord.parts(of: $0).row }) {
                let version = value == "-" ? -1 : rows[key]?.firstIndex(of: value)
                guard let version else {
                    // Where rows that were never acknowledged are lost, what was written of them stays.
                    guard isExact else { continue }
                    complaints.append("\(key) was joined with \(value), which is no row of it")
                    continue
                }
                if isExact && version < last { complaints.append("\(key) was joined with \(value) after a newer row") }
                last = version
            }
        }
        return complaints
    }
}

extension ReadRecord {
    static func parts(of value: String) -> (order: String, row: String) {
        let parts = value.split(separator: "|", maxSplits: 1).map(String.init)
        return (parts.first ?? "", parts.count > 1 ? parts[1] : "")
    }

    var parts: (order: String, row: String) { Self.parts(of: value) }

    func with(value: String) -> ReadRecord {
        ReadRecord(partition: partition, offset: offset, key: key, value: value, timestamp: timestamp)
    }
}
