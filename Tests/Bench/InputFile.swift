import Foundation
import Moldau
import MoldauCluster

/// Lines of a file, written to a topic as records.
struct InputFile {
    let path: String
    /// Lines after the first `limit` ones are ignored.
    let limit: Int?

    /// The record of a line: views into it, valid until the next.
    struct Entry {
        var key: UnsafeRawBufferPointer?
        var value: UnsafeRawBufferPointer
        var timestamp: Timestamp
    }

    /// Writes all lines, each to the partition that its key decides, or to the partitions in turn without a key. Blocks
    /// until done.
    /// - Returns: the number of lines.
    @discardableResult
    func write(
        to topic: String, on cluster: any ClusterPort, _ entry: (UnsafeRawBufferPointer, inout ByteWriter) -> Entry
    ) throws -> Int {
        let data = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
        let producer = try cluster.makeProducer(clientID: "bench")
        let count = try producer.partitionCount(of: topic)
        let batches = (0..<count).map { Batch(TopicPartition(topic, $0), producer) }
        var partitioner = Partitioner.keyed(stickyBytes: 256 << 10)
        var scratch = ByteWriter()
        var lines = 0
        try data.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            var rest = bytes[...]
            while lines < limit ?? .max, let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                scratch.removeAll()
                let line = UnsafeRawBufferPointer(rebasing: rest[rest.startIndex..<end])
                let made = entry(line, &scratch)
                let partition = partitioner.partition(key: made.key, byteCount: line.count, count: count)
                try batches[Int(partition.number)].append(made)
                rest = rest[(end + 1)...]
                lines += 1
            }
        }
        for batch in batches { try batch.send() }
        try producer.flush()
        producer.close()
        return lines
    }

    private final class Batch {
        private let partition: TopicPartition
        private let producer: any Producer
        private var builder = RecordBatchBuilder()

        init(_ partition: TopicPartition, _ producer: any Producer) {
            self.partition = partition
            self.producer = producer
        }

        func append(_ entry: Entry) throws {
            builder.append(key: entry.key, value: entry.value, timestamp: entry.timestamp)
            if builder.byteCount >= 64 << 10 { try send() }
        }

        func send() throws {
            guard !builder.isEmpty else { return }
            try producer.send(builder.finish(), to: partition)
            builder.reset()
        }
    }
}
