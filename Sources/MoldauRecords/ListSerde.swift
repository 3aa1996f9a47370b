// Kafka's list serde. All numbers are big-endian Int32, except the first byte:
//
//     numbers and UUIDs       0 · number of nulls · their indexes · number of elements · those that are not null
//     other elements          1 · number of elements · for each its length (-1 for a null) and bytes

extension Serde {
    /// The serde of a list whose elements are never null. A null element throws `SerdeError.nullNotExpected`.
    @inlinable
    public static func list<Element>(of element: Serde<Element>) -> Serde where Value == [Element] {
        Serde<[Element?]>.list(of: element).lifted { nullable in
            Serde(
                encode: { list, writer in try nullable.encode(list, &writer) },
                decode: { bytes in
                    try nullable.decode(bytes).map { item in
                        guard let item else { throw SerdeError.nullNotExpected(type: "\(Element.self)") }
                        return item
                    }
                }, format: nullable.format)
        }
    }

    /// The serde of a list whose elements may be null.
    @inlinable
    public static func list<Element>(of element: Serde<Element>) -> Serde where Value == [Element?] {
        element.lifted { element in
            let fixedSize = element.fixedSize
            return Serde(
                encode: { list, writer in
                    if fixedSize == nil {
                        try encodeVariable(list, element, &writer)
                    } else {
                        try encodeFixed(list, element, &writer)
                    }
                },
                decode: { bytes in
                    try bytes.withUnsafeBytes { buffer in
                        var reader = FieldReader(buffer, of: "list")
                        let flag: UInt8 = try reader.number()
                        guard flag == (fixedSize == nil ? 1 : 0) else {
                            throw reader.malformed("its first byte is \(flag)")
                        }
                        let list =
                            try fixedSize.map { try decodeFixed(&reader, element, size: $0) }
                            ?? decodeVariable(&reader, element)
                        guard reader.rest.isEmpty else { throw reader.malformed("bytes follow the last element") }
                        return list
                    }
                }, format: element.format.map { "list(\($0))" })
        }
    }

    @inlinable
    static func encodeVariable<Element>(
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

    @inlinable
    static func encodeFixed<Element>(
        _ list: [Element?], _ element: Serde<Element>, _ writer: inout ByteWriter
    ) throws where Value == [Element?] {
        let nulls = list.indices.filter { list[$0] == nil }
        writer.append(byte: 0)
        writer.append(bigEndian: Int32(nulls.count))
        for index in nulls { writer.append(bigEndian: Int32(index)) }
        writer.append(bigEndian: Int32(list.count))
        for case let item? in list { try element.encode(item, &writer) }
    }

    @inlinable
    static func decodeVariable<Element>(
        _ reader: inout FieldReader, _ element: Serde<Element>
    ) throws -> [Element?] where Value == [Element?] {
        let count = try reader.count(ofSize: 4)
        return try (0..<count).map { _ in
            try reader.sizedBytes().map { try element.decode(RawSpan(_unsafeBytes: $0)) }
        }
    }

    @inlinable
    static func decodeFixed<Element>(
        _ reader: inout FieldReader, _ element: Serde<Element>, size: Int
    ) throws -> [Element?] where Value == [Element?] {
        var nulls: Set<Int32> = []
        for _ in 0..<(try reader.count(ofSize: 4)) { nulls.insert(try reader.number()) }
        let count: Int32 = try reader.number()
        guard count >= 0, (Int(count) - nulls.count) * size <= reader.rest.count, nulls.allSatisfy({ 0..<count ~= $0 })
        else {
            throw reader.malformed("it claims \(count) elements, which its bytes cannot hold")
        }
        return try (0..<count).map { index in
            if !nulls.isEmpty, nulls.contains(index) { return nil }
            return try element.decode(RawSpan(_unsafeBytes: try reader.bytes(size)))
        }
    }
}
