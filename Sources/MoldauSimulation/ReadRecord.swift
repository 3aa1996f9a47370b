import MoldauRecords

/// A record that was read from a topic.
struct ReadRecord: Hashable, Sendable, CustomStringConvertible {
    let partition: Int32
    let offset: Int64
    let key: String
    let value: String
    let timestamp: Int64

    var description: String { "\(partition)@\(offset) \(key)=\(value) at \(timestamp)" }
}

extension ReadRecord {
    /// The two parts of a join's result: the values of both records, `-` for a missing one.
    static func parts(of value: String) -> (order: String, row: String) {
        let parts = value.split(separator: "|", maxSplits: 1).map(String.init)
        return (parts.first ?? "", parts.count > 1 ? parts[1] : "")
    }

    var parts: (order: String, row: String) { Self.parts(of: value) }

    func with(value: String) -> ReadRecord { with(key: key, value: value) }

    func with(key: String, value: String) -> ReadRecord {
        ReadRecord(partition: partition, offset: offset, key: key, value: value, timestamp: timestamp)
    }
}

extension [ReadRecord] {
    /// The values of each key in order, sorted by key.
    var byKey: [(key: String, values: [String])] {
        var values: [String: [String]] = [:]
        for record in self { values[record.key, default: []].append(record.value) }
        return values.sorted(on: \.key).map { ($0.key, $0.value) }
    }

    var valuesByKey: [String: [String]] { Dictionary(uniqueKeysWithValues: byKey.map { ($0.key, $0.values) }) }
}
