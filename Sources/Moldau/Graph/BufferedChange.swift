// What waits in a buffer, in Kafka Streams' bytes (numbers big-endian):
//
//     where the record came from: timestamp and offset (Int64 each), sized topic, partition (Int32), number of headers (Int32),
//     sized name and value of each · sized value before it began to wait · sized value before the change, its length −2 where
//     it is the same · sized new value · time that it waits by (Int64)
//
// A sized field has its length before it (Int32), −1 for a null.

import MoldauRecords
import MoldauTopology

/// A change of a table, or a record of a stream, that waits with all that it needs to go on as if it had just come.
struct BufferedChange {
    /// The value that those downstream know, as they have not seen what waits.
    var prior: [UInt8]?
    var old: [UInt8]?
    var new: [UInt8]?
    var timestamp: Timestamp
    var headers: Headers
    /// nil for a record that came from a punctuation.
    var origin: RecordOrigin?
    var bufferTime = Timestamp(ms: 0)

    static let serde = Serde<BufferedChange>(
        encode: { change, writer in change.write(&writer) },
        decode: { bytes in try bytes.withUnsafeBytes { try BufferedChange($0) } })

    /// The bytes that Kafka Streams counts for it: what it holds, without the lengths.
    var estimatedSize: Int {
        let origin = 2 * MemoryLayout<Int64>.size + (origin?.topic.utf8.count ?? 0) + MemoryLayout<Int32>.size
        let headers = headers.reduce(0) { $0 + $1.name.utf8.count + ($1.value?.count ?? 0) }
        let values = (prior?.count ?? 0) + (old == prior ? 0 : old?.count ?? 0) + (new?.count ?? 0)
        return MemoryLayout<Int64>.size + origin + headers + values
    }

    private func write(_ writer: inout ByteWriter) {
        writer.append(bigEndian: timestamp.ms)
        writer.append(bigEndian: origin?.offset.value ?? -1)
        writer.append(text: origin?.topic ?? "")
        writer.append(bigEndian: origin?.partition.number ?? -1)
        writer.append(sized: headers)
        writer.append(sized: prior)
        if old != nil, old == prior { writer.append(bigEndian: sameAsPrior) } else { writer.append(sized: old) }
        writer.append(sized: new)
        writer.append(bigEndian: bufferTime.ms)
    }
}

extension BufferedChange {
    private init(_ bytes: UnsafeRawBufferPointer) throws {
        var reader = FieldReader(bytes, of: "waiting record")
        timestamp = Timestamp(ms: try reader.number())
        let offset = Offset(try reader.number())
        let topic = try reader.text()
        let partition = Partition(try reader.number())
        headers = try reader.headers()
        origin = topic.isEmpty ? nil : RecordOrigin(topic: topic, partition: partition, offset: offset)
        prior = try reader.sizedBytes().map { Array($0) }
        let length = Int(try reader.number(Int32.self))
        old = length == sameAsPrior ? prior : length == -1 ? nil : Array(try reader.bytes(length))
        new = try reader.sizedBytes().map { Array($0) }
        bufferTime = Timestamp(ms: try reader.number())
    }
}

private let sameAsPrior: Int32 = -2
