// The metadata that Kafka Streams writes with a committed offset: base64 of magic byte 2, partition time (Int64),
// number of entries (Int32) and, for each entry, the length of its name (Int32), the name, and a number (Int64).
// Without entries, the number of entries is left out too.

import Foundation
import MoldauRecords

/// The partition time and the processors' own times that are committed together with an offset.
package struct CommitMetadata: Equatable, Sendable {
    package var partitionTime: Timestamp
    /// Times by store name, for operators that emit when windows close.
    package var processorTimes: [String: Int64]

    private static let magic: UInt8 = 2

    package init(partitionTime: Timestamp, processorTimes: [String: Int64] = [:]) {
        self.partitionTime = partitionTime
        self.processorTimes = processorTimes
    }

    package var encoded: String {
        var writer = ByteWriter(capacity: 64)
        writer.append(byte: Self.magic)
        writer.append(bigEndian: partitionTime.ms)
        if !processorTimes.isEmpty { writer.append(bigEndian: Int32(processorTimes.count)) }
        for (name, time) in processorTimes.sorted(by: { $0.key < $1.key }) {
            writer.append(text: name)
            writer.append(bigEndian: time)
        }
        return Data(writer.bytes).base64EncodedString()
    }

    /// Decodes what `encoded` returns, or Kafka Streams' older format (magic 1: partition time only). nil if it is
    /// neither: the metadata of other clients is ignored, as in Kafka Streams.
    package init?(decoding text: String) {
        guard let data = Data(base64Encoded: text) else { return nil }
        let read = data.withUnsafeBytes { try? CommitMetadata($0) }
        guard let read else { return nil }
        self = read
    }

    private init(_ bytes: UnsafeRawBufferPointer) throws(SerdeError) {
        var reader = FieldReader(bytes, of: "metadata of a commit")
        let magic: UInt8 = try reader.number()
        guard magic == 1 || magic == Self.magic else { throw reader.malformed("its first byte is \(magic)") }
        self.init(partitionTime: Timestamp(ms: try reader.number()))
        guard magic == Self.magic, !reader.rest.isEmpty else { return }
        let count: Int32 = try reader.number()
        for _ in 0..<max(count, 0) { processorTimes[try reader.text()] = try reader.number() }
    }
}
