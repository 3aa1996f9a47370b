/// Reads the fields of a binary format from the front, and checks each against the bytes that are left.
///
/// Errors are `SerdeError.malformed` with the format's name.
@usableFromInline
package struct FieldReader {
    @usableFromInline let type: String
    /// The unread bytes.
    @usableFromInline package var rest: UnsafeRawBufferPointer

    /// The bytes must outlive the reader.
    @inlinable package init(_ bytes: UnsafeRawBufferPointer, of type: String) {
        self.type = type
        rest = bytes
    }

    /// The error for bytes that do not have this format.
    @inlinable package func malformed(_ reason: String) -> SerdeError { .malformed(type: type, reason: reason) }

    /// Reads the next `count` bytes.
    @inlinable package mutating func bytes(_ count: Int) throws(SerdeError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= rest.count else { throw malformed("it ends too early") }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
        return UnsafeRawBufferPointer(rebasing: rest[..<count])
    }

    /// Reads a big-endian number.
    @inlinable package mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _: Number.Type = Number.self
    ) throws(SerdeError) -> Number {
        Number(bigEndian: try bytes(MemoryLayout<Number>.size).loadUnaligned(as: Number.self))
    }

    /// Removes a big-endian number from the end of the bytes and returns it.
    @inlinable package mutating func lastNumber<Number: FixedWidthInteger & BitwiseCopyable>() throws(SerdeError)
        -> Number
    {
        let front = rest.count - MemoryLayout<Number>.size
        guard front >= 0 else { throw malformed("it ends too early") }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[..<front]) }
        return Number(bigEndian: rest.loadUnaligned(fromByteOffset: front, as: Number.self))
    }

    /// Reads the count of elements that take at least `size` bytes each.
    @inlinable package mutating func count(ofSize size: Int) throws(SerdeError) -> Int {
        let count = Int(try number(Int32.self))
        guard count >= 0, count * size <= rest.count else {
            throw malformed("it claims \(count) elements, which its bytes cannot hold")
        }
        return count
    }

    /// Reads bytes that follow their length, an Int32; nil if the length is −1.
    @inlinable package mutating func sizedBytes() throws(SerdeError) -> UnsafeRawBufferPointer? {
        let length = Int(try number(Int32.self))
        return length == -1 ? nil : try bytes(length)
    }

    /// Reads text that follows its 2-byte length.
    package mutating func shortText() throws(SerdeError) -> String { try text(Int(try number(Int16.self))) }

    /// Reads text that follows its 2-byte length; nil if the length is −1.
    package mutating func nullableShortText() throws(SerdeError) -> String? {
        let count = Int(try number(Int16.self))
        return count == -1 ? nil : try text(count)
    }

    /// Reads text that follows its 4-byte length.
    package mutating func text() throws(SerdeError) -> String { try text(Int(try number(Int32.self))) }

    private mutating func text(_ count: Int) throws(SerdeError) -> String {
        guard let text = String(utf8: try bytes(count)) else { throw malformed("a string is not UTF-8") }
        return text
    }

    /// Reads headers: their 4-byte count, then each name and value after its 4-byte length.
    package mutating func headers() throws(SerdeError) -> Headers {
        var headers = Headers()
        for _ in 0..<(try count(ofSize: 2 * MemoryLayout<Int32>.size)) {
            headers.append(Header(try text(), try sizedBytes().map { Array($0) }))
        }
        return headers
    }

    // MARK: Kafka's flexible versions

    /// Reads an unsigned varint: groups of seven bits, the lowest first.
    package mutating func unsignedVarint() throws(SerdeError) -> UInt32 {
        // Most lengths, counts and tags fit in one byte.
        if let byte = rest.first, byte < 0x80 {
            rest = UnsafeRawBufferPointer(rebasing: rest[1...])
            return UInt32(byte)
        }
        return try grouped { cursor throws(VarintError) in try cursor.readUnsignedVarint() }
    }

    /// Reads a signed varint, zig-zag encoded.
    package mutating func varint() throws(SerdeError) -> Int32 {
        try grouped { cursor throws(VarintError) in try cursor.readVarint() }
    }

    private mutating func grouped<Number>(
        _ read: (inout ByteCursor) throws(VarintError) -> Number
    ) throws(SerdeError) -> Number {
        var cursor = ByteCursor(rest)
        do {
            let number = try read(&cursor)
            rest = UnsafeRawBufferPointer(rebasing: rest[(rest.count - cursor.remaining)...])
            return number
        } catch {
            throw malformed("a variable-length number is incomplete or too long")
        }
    }

    /// Reads text that follows its length plus one, an unsigned varint; throws on null.
    package mutating func compactText() throws(SerdeError) -> String { try text(Int(try unsignedVarint()) - 1) }

    /// Like `compactText`, but returns nil for null.
    package mutating func nullableCompactText() throws(SerdeError) -> String? {
        let count = Int(try unsignedVarint())
        return count == 0 ? nil : try text(count - 1)
    }

    /// Reads text that follows its length: that of `nullableCompactText` in flexible versions, else 2 bytes.
    package mutating func nullableText(isFlexible: Bool) throws(SerdeError) -> String? {
        isFlexible ? try nullableCompactText() : try nullableShortText()
    }

    /// Reads bytes that follow their length: in flexible versions one more than that, an unsigned varint, else an
    /// Int32; empty for null.
    package mutating func sizedBytes(isFlexible: Bool) throws(SerdeError) -> [UInt8] {
        if !isFlexible { return try sizedBytes().map { Array($0) } ?? [] }
        let count = Int(try unsignedVarint())
        return count == 0 ? [] : Array(try bytes(count - 1))
    }

    /// Reads the count of elements that take at least `size` bytes each: in flexible versions one more than that, an
    /// unsigned varint, else an Int32; 0 for null.
    package mutating func count(isFlexible: Bool, ofSize size: Int = 1) throws(SerdeError) -> Int {
        let count = isFlexible ? Int(try unsignedVarint()) - 1 : Int(try number(Int32.self))
        if count == -1 { return 0 }
        guard count >= 0, count <= rest.count / size else {
            throw malformed("it claims \(count) elements, which its bytes cannot hold")
        }
        return count
    }

    /// Skips the tagged fields, which newer versions may add and this one ignores (KIP-482).
    package mutating func skipTaggedFields() throws(SerdeError) {
        for _ in 0..<(try unsignedVarint()) {  // Throws if the count exceeds the fields that are there.
            _ = try unsignedVarint()
            _ = try bytes(Int(try unsignedVarint()))
        }
    }
}

// MARK: Writing the same fields

extension ByteWriter {
    /// Appends the text after its 2-byte length. The caller has checked that it fits.
    package mutating func append(shortText text: String) {
        append(bigEndian: Int16(text.utf8.count))
        append(utf8: text)
    }

    /// Appends the text after its 2-byte length, or −1 for nil. The caller has checked that it fits.
    package mutating func append(nullableShortText text: String?) {
        if let text { append(shortText: text) } else { append(bigEndian: Int16(-1)) }
    }

    /// Appends the text after its length plus one, an unsigned varint, or 0 for nil.
    package mutating func append(compactText text: String?) {
        append(unsignedVarint: UInt64((text?.utf8.count ?? -1) + 1))
        if let text { append(utf8: text) }
    }

    /// Appends the text after its 4-byte length.
    package mutating func append(text: String) {
        append(bigEndian: Int32(text.utf8.count))
        append(utf8: text)
    }

    /// Appends the bytes after their 4-byte length, or −1 for nil.
    package mutating func append(sized bytes: UnsafeRawBufferPointer?) {
        append(bigEndian: Int32(bytes?.count ?? -1))
        if let bytes { append(contentsOf: bytes) }
    }

    /// Appends the bytes after their 4-byte length, or −1 for nil.
    package mutating func append(sized bytes: [UInt8]?) {
        append(bigEndian: Int32(bytes?.count ?? -1))
        if let bytes { append(contentsOf: bytes) }
    }

    /// Appends the headers: their 4-byte count, then each name and value after its 4-byte length.
    package mutating func append(sized headers: Headers) {
        append(bigEndian: Int32(headers.count))
        for header in headers {
            append(text: header.name)
            append(sized: header.value)
        }
    }
}
