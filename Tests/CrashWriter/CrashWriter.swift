import Foundation
import Moldau
import Synchronization

/// Writes numbered records for ever, and prints which are acknowledged and which were read: for tools that cut the
/// power.
///
///     crash-writer write DIR    prints "acked PARTITION END" and "served PARTITION END"
///     crash-writer write DIR os does so without syncs: to see that the tool notices
///     crash-writer verify DIR   prints "held PARTITION END", or fails if numbers are missing
@main
enum CrashWriter {
    private static let topic = "numbers"
    private static let partitionCount: Int32 = 5

    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count >= 2, let mode = arguments.first, let directory = arguments.dropFirst().first else {
            throw Failure(message: "usage: crash-writer write|verify DIR [os]")
        }
        let cluster = try EmbeddedCluster(directory: directory, durability: arguments.last == "os" ? .os : .sync)
        let ends = try verify(cluster)
        guard mode == "write" else {
            for (partition, end) in ends.enumerated() { print("held \(partition) \(end)") }
            return
        }
        Thread { readForEver(cluster) }.start()
        try write(cluster, from: ends)
    }

    private static func say(_ line: String) {
        // One call each, so that the lines of two threads do not mix.
        FileHandle.standardOutput.write(Data("\(line)\n".utf8))
    }

    private static func write(_ cluster: EmbeddedCluster, from ends: [Int64]) throws {
        let admin = try cluster.makeAdmin()
        if try admin.describe([topic]).isEmpty {
            // Small segments, so that many are closed and started.
            try admin.create([
                NewTopic(topic, partitionCount: partitionCount, configuration: ["segment.bytes": "65536"])
            ])
        }
        let producer = try cluster.makeProducer(clientID: "writer")
        var next = ends.isEmpty ? Array(repeating: 0, count: Int(partitionCount)) : ends
        var random = SystemRandomNumberGenerator()
        var builder = RecordBatchBuilder()
        while true {
            let partitions = (0..<Int(partitionCount)).filter { _ in Bool.random(using: &random) }
            for partition in partitions {
                for _ in 0..<Int.random(in: 1...60, using: &random) {
                    let text =
                        "\(next[partition]) " + String(repeating: "x", count: Int.random(in: 0...300, using: &random))
                    Array(text.utf8).withUnsafeBytes {
                        builder.append(key: nil, value: $0, timestamp: EmbeddedCluster.systemClock())
                    }
                    next[partition] += 1
                }
                try producer.send(builder.finish(), to: TopicPartition(topic, Int32(partition)))
                builder.reset()
            }
            try producer.flush()
            for partition in partitions { say("acked \(partition) \(next[partition])") }
        }
    }

    private static func readForEver(_ cluster: EmbeddedCluster) {
        do {
            let consumer = try cluster.makeConsumer(clientID: "reader")
            let partitions = (0..<partitionCount).map { TopicPartition(topic, $0) }
            while (try? consumer.assign(Set(partitions))) == nil { Thread.sleep(forTimeInterval: 0.001) }
            for (partition, held) in try consumer.bounds(of: Set(partitions)) {
                try consumer.seek(partition, to: held.upperBound)
            }
            while true {
                for batches in try consumer.poll(wait: .milliseconds(100)) {
                    guard let end = consumer.position(batches.partition) else { continue }
                    say("served \(batches.partition.partition) \(end)")
                }
            }
        } catch {
            say("the reader ended: \(error)")
        }
    }

    /// The ends of the partitions; the n-th record must contain n.
    private static func verify(_ cluster: EmbeddedCluster) throws -> [Int64] {
        let consumer = try cluster.makeConsumer(clientID: "verifier")
        let admin = try cluster.makeAdmin()
        guard try !admin.describe([topic]).isEmpty else { return [] }
        var ends = Array(repeating: Int64(0), count: Int(partitionCount))
        let partitions = Set((0..<partitionCount).map { TopicPartition(topic, $0) })
        try consumer.assign(partitions)
        let bounds = try consumer.bounds(of: partitions)
        for partition in partitions { try consumer.seek(partition, to: .zero) }
        while bounds.contains(where: { ends[Int($0.key.partition.number)] < $0.value.upperBound.value }) {
            for batches in try consumer.poll(wait: .zero) {
                let partition = Int(batches.partition.partition.number)
                var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
                while let record = try reader.next() {
                    let text = String(
                        decoding: record.value ?? UnsafeRawBufferPointer(start: nil, count: 0), as: UTF8.self)
                    guard record.offset.value == ends[partition], text.hasPrefix("\(ends[partition]) ") else {
                        throw Failure(
                            message: "\(batches.partition): record \(ends[partition]) should be at its offset, "
                                + "and at \(record.offset) there is '\(text.prefix(20))'")
                    }
                    ends[partition] += 1
                }
            }
        }
        return ends
    }
}

private struct Failure: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}
