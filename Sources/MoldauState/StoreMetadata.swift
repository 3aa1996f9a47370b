// What a store keeps about itself, beside its data and written in the same atomic step. Big-endian:
//
//     version 1 or 2 (UInt8) │ changelog offset, −1 for none (Int64) │ number of positions (UInt32)
//     then per position: length of the topic (UInt32) │ topic, UTF-8 │ partition (Int32) │ offset (Int64)
//     in version 2, that of stores whose entries have times: stream time (Int64)

import MoldauRecords

/// How far a store's data goes: in its changelog, and in the input that led to it.
package struct StoreMetadata: Equatable {
    /// The first changelog offset that the data does not contain: a restore starts there. nil: from the beginning.
    package var changelogOffset: Offset?
    /// Per input partition, the first offset that the data does not contain.
    package var positions: [TopicPartition: Offset] = [:]

    /// The greatest time that was written; −1: none, or the store has no times.
    package var streamTime: Int64 = -1

    package init() {}

    func encode(into writer: inout ByteWriter) {
        writer.append(byte: streamTime < 0 ? 1 : 2)
        writer.append(bigEndian: changelogOffset?.value ?? -1)
        writer.append(bigEndian: UInt32(positions.count))
        for (partition, offset) in positions.sorted(by: { $0.key < $1.key }) {
            writer.append(bigEndian: UInt32(partition.topic.utf8.count))
            writer.append(utf8: partition.topic)
            writer.append(bigEndian: partition.partition.number)
            writer.append(bigEndian: offset.value)
        }
        if streamTime >= 0 { writer.append(bigEndian: streamTime) }
    }

    /// Reads what `encode` wrote.
    /// - Throws: `StateError.malformedMetadata`.
    init(decoding bytes: UnsafeRawBufferPointer, store: String) throws(StateError) {
        var reader = Reader(rest: bytes, store: store)
        let version = try reader.number(UInt8.self)
        guard version == 1 || version == 2 else {
            throw .malformedMetadata(store: store, reason: "version \(version), expected 1 or 2")
        }
        let offset = try reader.number(Int64.self)
        changelogOffset = offset < 0 ? nil : Offset(offset)
        for _ in 0..<(try reader.number(UInt32.self)) {  // Ends by throwing where the count says more than is there.
            let topic = try reader.text()
            let partition = TopicPartition(topic, try reader.number(Int32.self))
            positions[partition] = Offset(try reader.number(Int64.self))
        }
        if version == 2 { streamTime = try reader.number(Int64.self) }
    }

    private struct Reader {
        var rest: UnsafeRawBufferPointer
        let store: String

        mutating func take(_ count: Int) throws(StateError) -> UnsafeRawBufferPointer {
            guard count <= rest.count else {
                throw .malformedMetadata(store: store, reason: "\(count) bytes expected, \(rest.count) left")
            }
            defer { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
            return UnsafeRawBufferPointer(rebasing: rest[..<count])
        }

        mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) throws(StateError) -> Number {
            Number(bigEndian: try take(MemoryLayout<Number>.size).loadUnaligned(as: Number.self))
        }

        mutating func text() throws(StateError) -> String {
            let bytes = try take(Int(try number(UInt32.self)))
            guard let text = String(utf8: bytes) else {
                throw .malformedMetadata(store: store, reason: "a topic's name is not UTF-8")
            }
            return text
        }
    }
}
