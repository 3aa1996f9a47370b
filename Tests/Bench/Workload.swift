import ArgumentParser
import Moldau

/// The workloads. Docs/Performance.md describes their inputs.
enum Workload: String, ExpressibleByArgument, CaseIterable {
    /// Lines are split into words, which are counted: a change of key, a repartition topic, a store, every count
    /// written.
    case w1
    /// Sums per key and minute of event time: a windowed store, every sum written.
    case w2
    /// Each record of a stream is joined with one of a million rows: a table, every result written.
    case w3

    static let lines = Topic<Void, String>("lines", key: .void, value: String.serde)
    static let counts = Topic<String, Int64>("counts")
    static let events = Topic<String, Double>("events")
    static let sums = Topic<Windowed<String>, Double>(
        "sums", key: Windowed.serde(size: .seconds(60)), value: Double.serde)
    static let rows = Topic<String, String>("rows")
    static let stream = Topic<String, String>("stream")
    static let joined = Topic<String, String>("joined")

    func topology(_ options: TopologyOptions) throws -> Topology {
        switch self {
        case .w1:
            try Topology(options) { streams in
                streams.stream(Self.lines)
                    .flatMapValues { line in Words(line) }
                    .groupBy { _, word in word }
                    .count(as: TableStoreName<String, Int64>("word-counts"))
                    .toStream()
                    .to(Self.counts)
            }
        case .w2:
            try Topology(options) { streams in
                streams.stream(Self.events)
                    .groupByKey()
                    .windowedBy(.tumbling(.seconds(60), grace: .seconds(30)))
                    .aggregate(0.0, as: WindowStoreName<String, Double>("window-sums")) { sum, _, value in sum += value
                    }
                    .toStream()
                    .to(Self.sums)
            }
        case .w3:
            try Topology(options) { streams in
                let table = streams.table(Self.rows, as: TableStoreName<String, String>("rows"))
                streams.stream(Self.stream)
                    .join(table) { payload, row in payload + row }
                    .to(Self.joined)
            }
        }
    }

    /// The topics that the workload reads.
    var inputs: [String] {
        switch self {
        case .w1: [Self.lines.name]
        case .w2: [Self.events.name]
        case .w3: [Self.rows.name, Self.stream.name]
        }
    }

    var output: String {
        switch self {
        case .w1: Self.counts.name
        case .w2: Self.sums.name
        case .w3: Self.joined.name
        }
    }
}

/// The words of a text, split at single spaces.
struct Words: Sequence, IteratorProtocol {
    private let text: String
    private var position = 0

    init(_ text: String) { self.text = text }

    mutating func next() -> String? {
        let start = position
        let found: (word: String, end: Int)? =
            text.utf8.withContiguousStorageIfAvailable { bytes in
                guard start < bytes.count else { return nil }
                var end = start
                while end < bytes.count, bytes[end] != UInt8(ascii: " ") { end += 1 }
                return (
                    String(utf8: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start..<end]))!, end
                )
            } ?? nil
        guard let found else { return nil }
        position = found.end + 1
        return found.word
    }
}
