import MoldauRecords

/// A record batch among the bytes of a message.
struct FlowBatch: Equatable {
    let range: Range<Int>
    let baseOffset: Int64
    let lastOffset: Int64
    let attributes: Int16
    let producer: Int64
    let epoch: Int16
    let recordCount: Int32
    /// The records, as they are stored.
    let payload: [UInt8]

    var isControl: Bool { attributes & 0x20 != 0 }

    /// The whole batches.
    static func all(in bytes: [UInt8]) -> [FlowBatch] {
        var found: [FlowBatch] = []
        var start = 0
        func number<Number: FixedWidthInteger>(_ place: Int, _: Number.Type) -> Number {
            bytes[(start + place)..<(start + place + MemoryLayout<Number>.size)].reduce(0) { $0 << 8 | Number($1) }
        }
        while bytes.count - start >= 61 {
            let size = Int(number(8, Int32.self)) + 12
            guard size >= 61, bytes.count - start >= size else { break }
            let base = number(0, Int64.self)
            found.append(
                FlowBatch(
                    range: start..<(start + size), baseOffset: base, lastOffset: base + Int64(number(23, Int32.self)),
                    attributes: number(21, Int16.self), producer: number(43, Int64.self),
                    epoch: number(51, Int16.self),
                    recordCount: number(57, Int32.self), payload: Array(bytes[(start + 61)..<(start + size)])))
            start += size
        }
        return found
    }

    /// Gives the batch another producer.
    func set(producer: Int64, epoch: Int64, in bytes: inout [UInt8]) {
        for place in 0..<8 {
            bytes[range.lowerBound + 43 + place] = UInt8(truncatingIfNeeded: producer >> (56 - 8 * Int64(place)))
        }
        for place in 0..<2 {
            bytes[range.lowerBound + 51 + place] = UInt8(truncatingIfNeeded: epoch >> (8 - 8 * Int64(place)))
        }
        sum(&bytes)
    }

    /// Makes it a batch of no producer, outside transactions.
    func clearProducer(in bytes: inout [UInt8]) {
        bytes[range.lowerBound + 22] &= 0xef
        for place in 43..<57 { bytes[range.lowerBound + place] = 0xff }
        sum(&bytes)
    }

    private func sum(_ bytes: inout [UInt8]) {
        let checksum = bytes.withUnsafeBytes {
            crc32c(UnsafeRawBufferPointer(rebasing: $0[(range.lowerBound + 21)..<range.upperBound]))
        }
        for place in 0..<4 {
            bytes[range.lowerBound + 17 + place] = UInt8(truncatingIfNeeded: checksum >> (24 - 8 * UInt32(place)))
        }
    }
}
