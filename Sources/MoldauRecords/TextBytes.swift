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
        let word = MemoryLayout<UInt64>.size
        var position = 0
        var bits: UInt64 = 0
        while position + word <= count {
            bits |= loadUnaligned(fromByteOffset: position, as: UInt64.self)
            position += word
        }
        while position < count {
            bits |= UInt64(self[position])
            position += 1
        }
        return bits & 0x8080_8080_8080_8080 == 0
    }
}
