/// Reads the fields of a binary format from the front, and checks each against the bytes that are left.
///
/// Errors are `SerdeError.malformed` with the format's name.
@usableFromInline
package struct FieldReader {
    @usableFromInline let type: String
    /// What has not been read yet.
    @usableFromInline package var rest: UnsafeRawBufferPointer

    /// The bytes must outlive the reader.
    @inlinable package init(_ bytes: UnsafeRawBufferPointer, of type: String) {
        self.type = type
        rest = bytes
    }

    @inlinable package func malformed(_ reason: String) -> SerdeError { .malformed(type: type, reason: reason) }

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
        guard count >= 0, count * size <= rest.count else { throw malformed("it counts \(count) elements") }
        return count
    }

    /// Reads bytes that follow their length, an Int32; nil if the length is −1.
    @inlinable package mutating func sizedBytes() throws(SerdeError) -> UnsafeRawBufferPointer? {
        let length = Int(try number(Int32.self))
        return length == -1 ? nil : try bytes(length)
    }
}
