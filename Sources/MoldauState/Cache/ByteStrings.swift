/// Byte strings in one piece of memory, some of which may be absent: the keys and rows of a query.
package struct ByteStrings: Sendable {
    private var bytes: [UInt8] = []
    /// Where each string is in `bytes`; nil for an absent one.
    private var ranges: [Range<Int>?] = []

    /// No strings.
    package init() {}

    /// The number of strings, absent ones included.
    package var count: Int { ranges.count }

    /// Reserves memory for so many strings, of `byteCount` bytes in all.
    package mutating func reserve(_ count: Int, bytes byteCount: Int) {
        ranges.reserveCapacity(count)
        bytes.reserveCapacity(byteCount)
    }

    /// Appends a string; nil for an absent one.
    package mutating func append(_ string: UnsafeRawBufferPointer?) {
        guard let string else { return ranges.append(nil) }
        ranges.append(bytes.count..<bytes.count + string.count)
        bytes.append(contentsOf: string)
    }

    /// Calls `body` with each string from `first` on, in order; nil for an absent one. The bytes are valid during the
    /// call only.
    package func forEach<Failure>(
        from first: Int = 0, _ body: (UnsafeRawBufferPointer?) throws(Failure) -> Void
    ) throws(Failure) {
        let result = bytes.withUnsafeBytes { all in
            Result { () throws(Failure) in
                for range in ranges[first...] { try body(range.map { UnsafeRawBufferPointer(rebasing: all[$0]) }) }
            }
        }
        try result.get()
    }
}
