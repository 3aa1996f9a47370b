import ExampleSupport
import Moldau
import MoldauCluster

/// How far each partition of the input topic has each file. Read from the topic itself, which is the only place that
/// knows.
struct FeedPositions {
    private struct Place: Hashable {
        let name: [UInt8]
        let partition: Int32
    }

    private var positions: [Place: Int] = [:]

    /// Reads the whole topic: some nanoseconds a line. Blocks.
    init(_ cluster: any ClusterPort) throws {
        try cluster.readAll(WordCountTopology.lines.name) { batches in try note(batches) }
    }

    /// The byte after the file's last line in the partition; 0 if it has none.
    func position(of name: String, in partition: Int32) -> Int {
        positions[Place(name: Array(name.utf8), partition: partition)] ?? 0
    }

    private mutating func note(_ batches: FetchedBatches) throws {
        var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
        var last: RecordView?
        // Lines of a file follow each other, so only the last one of each run needs decoding.
        while let record = try reader.next() {
            if let last, !hasSameKey(last, record) { try note(last, in: batches.partition) }
            last = record
        }
        if let last { try note(last, in: batches.partition) }
    }

    private func hasSameKey(_ left: RecordView, _ right: RecordView) -> Bool {
        guard let left = left.key, let right = right.key else { return false }
        return left.elementsEqual(right)
    }

    private mutating func note(_ record: RecordView, in partition: TopicPartition) throws {
        guard let key = record.key, let text = try record.headers()[LineFeeder.nextHeader],
            let next = Int(String(decoding: text, as: UTF8.self))
        else { return }
        let place = Place(name: Array(key), partition: partition.partition.number)
        positions[place] = max(positions[place] ?? 0, next)
    }
}
