extension String {
    /// The text of these bytes; nil if they are not UTF-8.
    ///
    /// `String(validating:as:)` is generic and costs 100 ns more; this is for the text of every record.
    package init?(utf8 bytes: UnsafeRawBufferPointer) {
        guard bytes.isASCII else {
            self.init(validating: bytes, as: UTF8.self)
            return
        }
        self.init(unsafeUninitializedCapacity: bytes.count) { text in
            UnsafeMutableRawBufferPointer(text).copyMemory(from: bytes)
            return bytes.count
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var isASCII: Bool {
        guard let base = baseAddress else { return true }
        let word = MemoryLayout<UInt64>.size
        var bits: UInt64 = 0
        if count >= word {
            // The last word overlaps the one before it.
            var position = 0
            while position < count - word {
                bits |= base.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                position += word
            }
            bits |= base.loadUnaligned(fromByteOffset: count - word, as: UInt64.self)
        } else if count >= 4 {
            bits = UInt64(
                base.loadUnaligned(as: UInt32.self) | base.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
        } else {
            for position in 0..<count { bits |= UInt64(base.load(fromByteOffset: position, as: UInt8.self)) }
        }
        return bits & 0x8080_8080_8080_8080 == 0
    }
}
