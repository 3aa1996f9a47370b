// The format of a buffered record, in Kafka Streams' bytes (numbers big-endian):
//
//     origin of the record: timestamp and offset (Int64 each), sized topic, partition (Int32), number of headers
//     (Int32), sized name and value of each · sized value that downstream nodes know · sized old value, its length −2
//     if it is the same · sized new value · buffer time (Int64)
//
// A sized field is preceded by its length, −1 for null.

import MoldauRecords
import MoldauTopology

/// A change of a table, or a record of a stream, in a buffer, with everything needed to process it later as if it had
/// just arrived.
struct BufferedChange {
    /// The value as downstream nodes know it: they have not seen the buffered changes.
    var prior: [UInt8]?
    var old: [UInt8]?
    var new: [UInt8]?
    var timestamp: Timestamp
    var headers: Headers
    /// nil for a record from a punctuation.
    var origin: RecordOrigin?
    var bufferTime = Timestamp(ms: 0)

    static let serde = Serde<BufferedChange>(
        encode: { change, writer in change.write(&writer) },
        decode: { bytes in try bytes.withUnsafeBytes { try BufferedChange($0) } })

    /// The size as Kafka Streams counts it: the fields without their lengths.
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
