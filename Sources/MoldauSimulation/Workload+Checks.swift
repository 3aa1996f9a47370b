import MoldauRecords

/// The outcome of a run: its records, and how they were produced.
struct Outcome {
    var inputs: [String: [ReadRecord]]
    var outputs: [ReadRecord]
    /// Whether each input counts exactly once; otherwise at least once.
    var isExact: Bool
    var forms: FormHistory
    /// Rows of global tables from before their topic was deleted and recreated.
    var formerRows: [String: [String]] = [:]
    /// The records that were fed when all others had been processed.
    var last: Set<String> = []
    /// Whether the records of a backlog are processed in the order of their timestamps. That needs one thread with all
    /// tasks at all times (several keep in step only while none of them is paused), and no records from the future
    /// beside those of the present.
    var isProcessedByTime = true
    /// The position of each record's value in the order of feeding.
    var order: [String: Int] = [:]
    /// Whether the process died. With at least once, a store may then have a part of a commit's changes, as with Kafka
    /// Streams' record caches, so a processor that uses it to order records may process them out of order.
    var hasCrashed = false
}

extension Workload {
    /// Complaints about the output.
    func complaints(_ outcome: Outcome) -> [String] {
        let input = outcome.inputs[inputs[0]] ?? []
        let other = inputs.count > 1 ? outcome.inputs[inputs[1]] ?? [] : []
        let (outputs, isExact) = (outcome.outputs, outcome.isExact)
        return switch self {
        case .delayed where outcome.hasCrashed && !isExact: presenceComplaints(input, outputs)
        case .passThrough, .delayed, .asynchronous: sequenceComplaints(input, outputs, isExact: isExact)
        case .wordCount: countComplaints(input, outputs, isExact: isExact)
        case .suppressedWindows, .closingWindows: windowComplaints(input, outcome)
        case .regroupedWindows: regroupedComplaints(input, outcome)
        case .sessions: sessionComplaints(input, outputs, isExact: isExact)
        case .join: joinComplaints(input, other, outputs, isExact: isExact)
        case .innerStreamJoin, .leftStreamJoin, .outerStreamJoin: streamJoinComplaints(input, other, outcome)
        case .foreignKeyJoin, .leftForeignKeyJoin: foreignKeyComplaints(input, other, outputs, isExact: isExact)
        case .globalJoin: globalJoinComplaints(input, other, outcome)
        }
    }

    func sequenceComplaints(_ input: [ReadRecord], _ outputs: [ReadRecord], isExact: Bool) -> [String] {
        let got = outputs.valuesByKey
        var complaints: [String] = []
        for (key, expected) in input.byKey {
            var values = got[key] ?? []
            if !isExact {
                // Results of input that was lost before it was acknowledged may remain.
                var unseen = Set(expected)
                values = values.filter { unseen.remove($0) != nil }
            }
            if values != expected { complaints.append("\(key): \(Self.difference(values, expected))") }
        }
        let foreign = Set(outputs.map(\.key)).subtracting(input.map(\.key))
        if isExact && !foreign.isEmpty { complaints.append("output of no input: \(foreign.sorted())") }
        return complaints
    }

    private func presenceComplaints(_ input: [ReadRecord], _ outputs: [ReadRecord]) -> [String] {
        let got = outputs.valuesByKey.mapValues { Set($0) }
        return input.byKey.sorted(on: \.key).compactMap { key, expected in
            let missing = Set(expected).subtracting(got[key] ?? [])
            return missing.isEmpty ? nil : "\(key): nothing came of \(missing.sorted().prefix(3))"
        }
    }

    /// Where two lists differ.
    private static func difference(_ got: [String], _ expected: [String]) -> String {
        let place = zip(got, expected).prefix { $0 == $1 }.count
        return "at \(place) of \(expected.count): got \(got.dropFirst(place).prefix(3)), "
            + "expected \(expected.dropFirst(place).prefix(3))"
    }

    private func countComplaints(_ input: [ReadRecord], _ outputs: [ReadRecord], isExact: Bool) -> [String] {
        var counts: [String: Int] = [:]
        for line in input { for word in line.value.split(separator: " ") { counts[String(word), default: 0] += 1 } }
        let got = outputs.valuesByKey.mapValues { $0.compactMap { Int($0) } }
        var complaints: [String] = []
        for (word, count) in counts.sorted(on: \.key) {
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
}
