// Writes lines to the topic `text-lines` so that no line enters twice, however often a run is interrupted.
//
// A record's key is the file's path, its value the line, and its header `next` the position of the byte after the line.
// The file's first 1 MiB goes to partition 0, the next to partition 1, and so on in turn. So the last record of a file
// in a partition tells how far that partition has the file, even if a crash took the end of some partitions but not of
// others. A later run reads the file again and skips the lines that their partition already has.

import Foundation
import Moldau
import MoldauCluster

/// Writes lines to the input topic. Used by one thread.
final class LineFeeder {
    static let nextHeader = "next"
    private static let bytesPerTurn = 1 << 20
    private static let batchBytes = 256 * 1024
    /// Lines are made durable together whenever this many bytes have been written.
    private static let flushBytes = 32 << 20

    private final class Batch {
        var builder = RecordBatchBuilder(capacity: LineFeeder.batchBytes * 2)
    }

    private let producer: any Producer
    private let batches: [Batch]
    private let known: FeedPositions
    private let mayGoOn: () -> Bool
    private var unflushedBytes = 0

    /// - Parameter mayGoOn: asked between reads; false ends the feeding, even in the middle of a file.
    init(_ cluster: EmbeddedCluster, _ topics: WordCountTopics, while mayGoOn: @escaping () -> Bool) throws {
        producer = try cluster.makeProducer(clientID: "word-count-feeder")
        batches = (0..<topics.inputPartitionCount).map { _ in Batch() }
        known = try FeedPositions(cluster)
        self.mayGoOn = mayGoOn
    }

    /// Reads the source to its end, and writes the lines that the topic does not have yet. Blocks.
    func feed(_ source: InputSource, _ progress: ProgressBar) throws {
        var reader = try LineReader(source)
        defer { reader.close() }
        let known = batches.indices.map { source.isFile ? self.known.position(of: source.name, in: Int32($0)) : 0 }
        if let last = known.max(), source.byteCount < last, source.isFile {
            progress.say(
                "'\(source.name)' is shorter than the part that was already counted; only what follows byte \(last) will count"
            )
        }
        var name = source.name
        try name.withUTF8 { name in
            let key = UnsafeRawBufferPointer(name)
            var isAtEnd = false
            while !isAtEnd, mayGoOn() {
                guard reader.hasMore(within: source.isFile || unflushedBytes > 0 ? 0 : 200) else {
                    try flush()
                    continue
                }
                isAtEnd = try !reader.readMore()
                try reader.forEachLine { line, range in
                    let partition = range.lowerBound / Self.bytesPerTurn % batches.count
                    progress.fed(bytes: range.count)
                    guard range.upperBound > known[partition] else { return }
                    // A last line without a newline may have grown since it was written: only the rest of it is new.
                    let new = UnsafeRawBufferPointer(
                        rebasing: line.dropFirst(max(0, known[partition] - range.lowerBound)))
                    try append(new, key: key, next: range.upperBound, to: partition)
                }
            }
        }
    }

    private func append(_ line: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer, next: Int, to partition: Int)
        throws
    {
        guard String(validating: line, as: UTF8.self) != nil else {
            // Bytes that are not UTF-8 are replaced by the replacement character.
            var repaired = String(decoding: line, as: UTF8.self)
            return try repaired.withUTF8 {
                try append(UnsafeRawBufferPointer($0), key: key, next: next, to: partition)
            }
        }
        let batch = batches[partition]
        batch.builder.append(
            key: key, value: line, timestamp: EmbeddedCluster.systemClock(),
            headers: [Header(Self.nextHeader, String(next))])
        unflushedBytes += line.count
        if batch.builder.byteCount >= Self.batchBytes { try send(partition) }
        if unflushedBytes >= Self.flushBytes { try flush() }
    }

    private func send(_ partition: Int) throws {
        let batch = batches[partition]
        guard !batch.builder.isEmpty else { return }
        try producer.send(batch.builder.finish(), to: TopicPartition(WordCountTopology.lines.name, Int32(partition)))
        batch.builder.reset()
    }

    private func flush() throws {
        for partition in batches.indices { try send(partition) }
        if unflushedBytes > 0 { try producer.flush() }
        unflushedBytes = 0
    }

    /// Returns when all lines are in the topic. Blocks.
    func finish() throws {
        for partition in batches.indices { try send(partition) }
        try producer.flush()
        producer.close()
    }
}
