import ExampleSupport
import Foundation
import Moldau

/// Words and how often they occur, read from the output topic.
struct WordCounts {
    /// Keyed by the words' bytes: text that looks the same may be encoded in several ways, which are counted
    /// separately.
    private var counts: [[UInt8]: Int64] = [:]

    /// Keeps the last record of each word. Blocks.
    init(readFrom cluster: any Cluster) throws {
        try cluster.port.readAll(WordCountTopology.counts.name) { batches in
            var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
            while let record = try reader.next() {
                guard let key = record.key, let value = record.value else { continue }
                counts[Array(key)] = try Int64.serde.decode(RawSpan(_unsafeBytes: value))
            }
        }
    }

    /// Writes a line `word<TAB>count` for each word, sorted by the words' bytes. The file is written completely or not
    /// at all.
    func write(to path: String) throws {
        var text = Data()
        for (word, count) in counts.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            text.append(contentsOf: word)
            text.append(contentsOf: "\t\(count)\n".utf8)
        }
        try text.write(toFile: path)
    }

    /// Prints the most frequent words; if counts are equal, in the order of their bytes.
    func printTop(_ limit: Int) {
        let top = counts.sorted { left, right in
            left.value == right.value ? left.key.lexicographicallyPrecedes(right.key) : left.value > right.value
        }.prefix(limit)
        let width = top.first.map { String($0.value).count } ?? 0
        for (word, count) in top {
            let number = String(count)
            let padding = String(repeating: " ", count: width - number.count)
            print("\(padding)\(number)  \(String(decoding: word, as: UTF8.self))")
        }
        let total = counts.values.reduce(0, +)
        tell("\(total) word\(total == 1 ? "" : "s"), \(counts.count) different one\(counts.count == 1 ? "" : "s")\n")
    }
}
