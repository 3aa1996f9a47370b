import MoldauBroker
import MoldauLog
import MoldauRecords

/// Makes a broker compact, and checks the result: each key's last record must be retained, and the others must be
/// deleted.
struct CompactionCheck {
    /// The last record of a key.
    private struct Last: Equatable {
        var offset: Offset
        var value: [UInt8]?
    }

    let broker: Broker<SimulatedDisk>
    let disk: SimulatedDisk

    /// - Returns: the complaints.
    func compact() throws -> [String] {
        let before = try lastRecords()
        try broker.compact()
        let after = try lastRecords()
        return before.sorted(on: \.key).compactMap { name, records in
            let lost = records.filter { key, last in last.value != nil && after[name]?[key] != last }
            return lost.isEmpty ? nil : "compaction took the last records of \(lost.count) keys from \(name)"
        }
    }

    private var partitions: [TopicPartition] {
        broker.topics().filter { $0.configuration["cleanup.policy"]?.contains("compact") == true }
            .flatMap { topic in (0..<topic.partitionCount).map { TopicPartition(topic.name, $0) } }
    }

    /// The last records of the compacted topics, by partition and key.
    private func lastRecords() throws -> [TopicPartition: [[UInt8]: Last]] {
        var records: [TopicPartition: [[UInt8]: Last]] = [:]
        for name in partitions {
            try broker.forEachRecord(of: name) { record in
                guard let key = record.key else { return }
                let last = Last(offset: record.offset, value: record.value.map { Array($0) })
                records[name, default: [:]][Array(key)] = last
            }
        }
        return records
    }

    /// Complaints about records that a compaction should have deleted. No transaction may be open.
    func leftovers() throws -> [String] {
        try partitions.sorted().compactMap { name in
            let end = try segmentName("data/\(name)/cleaner-offset")
            let segments = disk.paths.filter { $0.hasPrefix("data/\(name)/") && $0.hasSuffix(".log") }.dropLast()
            let sizes = segments.map {
                (isDirty: $0.split(separator: "/").last ?? "" >= end, bytes: disk.size($0) ?? 0)
            }
            let (all, dirty) = sizes.reduce((0, 0)) { ($0.0 + $1.bytes, $0.1 + ($1.isDirty ? $1.bytes : 0)) }
            guard dirty * 2 > all else { return nil }
            return "\(name) is not compacted: \(dirty) of \(all) bytes came since"
        }
    }

    /// The name of a segment that would begin where the compaction ended.
    private func segmentName(_ path: String) throws -> String {
        let digits = try disk.contents(of: path).map { String(decoding: $0, as: UTF8.self) } ?? "0"
        let number = digits.filter(\.isNumber)
        return String(repeating: "0", count: max(0, 20 - number.count)) + number
    }
}
