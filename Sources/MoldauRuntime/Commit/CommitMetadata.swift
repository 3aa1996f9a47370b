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
            writer.append(bigEndian: Int32(name.utf8.count))
            writer.append(utf8: name)
            writer.append(bigEndian: time)
        }
        return Data(writer.bytes).base64EncodedString()
    }

    /// Decodes what `encoded` returns, or Kafka Streams' older format (magic 1: partition time only). nil if it is
    /// neither: the metadata of other clients is ignored, as in Kafka Streams.
    package init?(decoding text: String) {
        guard let data = Data(base64Encoded: text) else { return nil }
        var reader = MetadataReader(bytes: [UInt8](data))
        guard let magic: UInt8 = reader.number(), magic == 1 || magic == Self.magic, let time: Int64 = reader.number()
        else { return nil }
        self.init(partitionTime: Timestamp(ms: time))
        guard magic == Self.magic, let count: Int32 = reader.number(), count > 0 else { return }
        for _ in 0..<count {
            guard let name = reader.text(), let time: Int64 = reader.number() else { return nil }
            processorTimes[name] = time
        }
    }
}

private struct MetadataReader {
    let bytes: [UInt8]
    var position = 0

    mutating func number<Number: FixedWidthInteger>() -> Number? {
        let size = MemoryLayout<Number>.size
        guard bytes.count - position >= size else { return nil }
        defer { position += size }
        return bytes[position..<position + size].reduce(Number.zero) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    mutating func text() -> String? {
        guard let count: Int32 = number(), count >= 0, bytes.count - position >= Int(count) else { return nil }
        defer { position += Int(count) }
        return String(validating: bytes[position..<position + Int(count)], as: UTF8.self)
    }
}
