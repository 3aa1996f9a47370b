// Kafka's list serde, all numbers big-endian Int32 but the first byte:
//
//     elements of one size    0 · number of nulls · their indexes · number of elements · those that are not null
//     other elements          1 · number of elements · for each its length (-1 for a null) and bytes

extension Serde {
    /// The serde of a list whose elements may be null.
    /// - Parameter fixedSize: the bytes that every element takes, for types of one size (Int16, Int32, Int64, Float,
    ///   Double, UUID).
    public static func list<Element>(of element: Serde<Element>, fixedSize: Int? = nil) -> Serde
    where Value == [Element?] {
        Serde(
            encode: { list, writer in
                if fixedSize == nil {
                    try encodeVariable(list, element, &writer)
                } else {
                    try encodeFixed(list, element, &writer)
                }
            },
            decode: { bytes in
                try bytes.withUnsafeBytes { buffer in
                    var reader = ListReader(rest: buffer)
                    let flag: UInt8 = try reader.number()
                    guard flag == (fixedSize == nil ? 1 : 0) else {
                        throw ListReader.error("its first byte is \(flag)")
                    }
                    let list =
                        try fixedSize.map { try decodeFixed(&reader, element, size: $0) }
                        ?? decodeVariable(&reader, element)
                    guard reader.rest.isEmpty else { throw ListReader.error("bytes follow the last element") }
                    return list
                }
            })
    }

    private static func encodeVariable<Element>(
        _ list: [Element?], _ element: Serde<Element>, _ writer: inout ByteWriter
    ) throws where Value == [Element?] {
        writer.append(byte: 1)
        writer.append(bigEndian: Int32(list.count))
        var bytes = ByteWriter()
        for item in list {
            guard let item else {
                writer.append(bigEndian: Int32(-1))
                continue
            }
            bytes.removeAll()
            try element.encode(item, &bytes)
            writer.append(bigEndian: Int32(bytes.count))
            writer.append(contentsOf: bytes.bytes)
        }
    }

    private static func encodeFixed<Element>(
        _ list: [Element?], _ element: Serde<Element>, _ writer: inout ByteWriter
    ) throws where Value == [Element?] {
        let nulls = list.indices.filter { list[$0] == nil }
        writer.append(byte: 0)
        writer.append(bigEndian: Int32(nulls.count))
        for index in nulls { writer.append(bigEndian: Int32(index)) }
        writer.append(bigEndian: Int32(list.count))
        for case let item? in list { try element.encode(item, &writer) }
    }

    private static func decodeVariable<Element>(
        _ reader: inout ListReader, _ element: Serde<Element>
    ) throws -> [Element?] where Value == [Element?] {
        let count = try reader.count(ofSize: 4)
        return try (0..<count).map { _ in
            let length: Int32 = try reader.number()
            if length == -1 { return nil }
            return try element.decode(RawSpan(_unsafeBytes: try reader.bytes(Int(length))))
        }
    }

    private static func decodeFixed<Element>(
        _ reader: inout ListReader, _ element: Serde<Element>, size: Int
    ) throws -> [Element?] where Value == [Element?] {
        var nulls: Set<Int32> = []
        for _ in 0..<(try reader.count(ofSize: 4)) { nulls.insert(try reader.number()) }
        let count: Int32 = try reader.number()
        guard count >= 0, (Int(count) - nulls.count) * size <= reader.rest.count, nulls.allSatisfy({ 0..<count ~= $0 })
        else {
            throw ListReader.error("it counts \(count) elements")
        }
        return try (0..<count).map { index in
            if nulls.contains(index) { return nil }
            return try element.decode(RawSpan(_unsafeBytes: try reader.bytes(size)))
        }
    }
}

/// Reads a list's fields from the front.
private struct ListReader {
    var rest: UnsafeRawBufferPointer

    static func error(_ reason: String) -> SerdeError { .malformed(type: "list", reason: reason) }

    mutating func bytes(_ count: Int) throws(SerdeError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= rest.count else { throw Self.error("it ends too early") }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
        return UnsafeRawBufferPointer(rebasing: rest[..<count])
    }

    mutating func number<Number: FixedWidthInteger & BitwiseCopyable>() throws(SerdeError) -> Number {
        try bytes(MemoryLayout<Number>.size).bigEndian(at: 0)
    }

    /// A count of things that take at least `size` bytes each, checked against what remains.
    mutating func count(ofSize size: Int) throws(SerdeError) -> Int {
        let count = Int(try number() as Int32)
        guard count >= 0, count * size <= rest.count else { throw Self.error("it counts \(count) elements") }
        return count
    }
}
