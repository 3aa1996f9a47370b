// How Kafka writes fields:
//
//                  before flexible versions          in flexible versions
//     number       big-endian                        the same
//     text         length i16, UTF-8                 length + 1 as an unsigned varint, UTF-8
//     bytes        length i32                        length + 1 as an unsigned varint
//     list         count i32                         count + 1 as an unsigned varint
//     null         a length or count of −1           0
//     fields       one after another                 the same, then the tagged fields
//     null fields                                    i8 −1; 1 in front of fields that are there
//
// Tagged fields: their number, then each tag, its size and its value; number, tag and size are unsigned varints. Only
// those without their default are written. Tags that are not known are skipped.

import MoldauRecords

/// Runs through the fields of a message, and reads, writes or lists each (see `WireMessage`).
///
/// `since` and `until` bound the versions that have a field; in versions before `nullSince`, null is refused when it is
/// read, and written as empty.
package struct WireCodec {
    /// The version of the message.
    package let version: Int16
    /// Whether the version has compact lengths and tagged fields.
    let isFlexible: Bool

    // One of the three is used: the writer if there is one, else the visitor, else the reader.
    let writer: UnsafeMutablePointer<ByteWriter>?
    let visitor: (any FieldVisitor)?
    var reader: FieldReader

    /// What the reader reads.
    private let source: WireBytes
    /// How many more bytes the elements of lists may take in memory.
    private var elementBytes: Int
    /// The gaps for record data that was not written.
    private(set) var gaps: [RecordGap] = []
    /// While tagged fields are read: the tag of the one to read, until a field has taken it.
    private var wantedTag: UInt32?
    /// While tagged fields are written: how many have been.
    private var tagCount: UInt8 = 0

    init(reading source: WireBytes, of api: ApiKey, version: Int16, elementBytes: Int) {
        self.init(version: version, isFlexible: version >= api.firstFlexible, source, elementBytes)
    }

    init(writing writer: UnsafeMutablePointer<ByteWriter>, of api: ApiKey, version: Int16) {
        self.init(version: version, isFlexible: version >= api.firstFlexible, writer: writer)
    }

    init(visiting visitor: any FieldVisitor, of api: ApiKey, version: Int16) {
        self.init(version: version, isFlexible: version >= api.firstFlexible, visitor: visitor)
    }

    /// For data that is not a message of an API.
    init(
        version: Int16, isFlexible: Bool, _ source: WireBytes = WireBytes(), _ elementBytes: Int = .max,
        writer: UnsafeMutablePointer<ByteWriter>? = nil, visitor: (any FieldVisitor)? = nil
    ) {
        self.version = version
        self.isFlexible = isFlexible
        self.source = source
        self.elementBytes = elementBytes
        self.writer = writer
        self.visitor = visitor
        reader = FieldReader(source.bytes, of: "message of Kafka's protocol")
    }

    /// Runs through the fields of a whole message.
    mutating func message(_ value: inout some WireFields) throws(SerdeError) {
        try value.fields(&self)
        if isFlexible { try tagged(&value) }
    }

    func has(_ since: Int16, _ until: Int16) -> Bool { version >= since && version <= until }

    // MARK: Numbers

    /// A number.
    package mutating func callAsFunction<Number: WireNumber>(
        _ name: StaticString, _ value: inout Number, since: Int16 = 0, until: Int16 = .max
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        if let writer {
            writer.pointee.append(bigEndian: value.bits)
        } else if let visitor {
            var number = Int64(value.bits)
            visitor.number(name.description, &number, bits: Number.Bits.bitWidth)
            value = Number(bits: Number.Bits(truncatingIfNeeded: number))
        } else {
            value = Number(bits: try reader.number())
        }
    }

    /// A truth value: one byte, 0 for false.
    package mutating func callAsFunction(
        _ name: StaticString, _ value: inout Bool, since: Int16 = 0, until: Int16 = .max
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        if let writer {
            writer.pointee.append(byte: value ? 1 : 0)
        } else if let visitor {
            visitor.flag(name.description, &value)
        } else {
            value = try reader.number(UInt8.self) != 0
        }
    }

    /// A floating-point number of 64 bits.
    package mutating func callAsFunction(
        _ name: StaticString, _ value: inout Double, since: Int16 = 0, until: Int16 = .max
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        if let writer {
            writer.pointee.append(bigEndian: value.bitPattern)
        } else if let visitor {
            visitor.number(name.description, &value)
        } else {
            value = Double(bitPattern: try reader.number())
        }
    }

    /// An id of 16 bytes.
    package mutating func callAsFunction(
        _ name: StaticString, _ value: inout TopicID, since: Int16 = 0, until: Int16 = .max
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        if let writer {
            writer.pointee.append(bigEndian: value.high)
            writer.pointee.append(bigEndian: value.low)
        } else if let visitor {
            visitor.id(name.description, &value)
        } else {
            value = TopicID(high: try reader.number(), low: try reader.number())
        }
    }

    // MARK: Text and bytes

    /// A text.
    package mutating func callAsFunction(
        _ name: StaticString, _ value: inout String, since: Int16 = 0, until: Int16 = .max
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        if writer != nil {
            try write(value)
        } else if let visitor {
            var text: String? = value
            visitor.text(name.description, &text, isNullable: false)
            value = text ?? ""
        } else {
            guard let text = try readText(name) else { throw null(name) }
            value = text
        }
    }

    /// A text that may be null.
    package mutating func callAsFunction(
        _ name: StaticString, _ value: inout String?, since: Int16 = 0, until: Int16 = .max, nullSince: Int16 = 0
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        let isNullable = version >= nullSince
        if writer != nil {
            if let value { try write(value) } else { try writeLength(isNullable ? nil : 0, Int16.self) }
        } else if let visitor {
            visitor.text(name.description, &value, isNullable: isNullable)
        } else {
            value = try readText(name)
            if value == nil, !isNullable { throw null(name) }
        }
    }

    private func write(_ text: String) throws(SerdeError) {
        try writeLength(text.utf8.count, Int16.self)
        writer?.pointee.append(utf8: text)
    }

    private mutating func readText(_ name: StaticString) throws(SerdeError) -> String? {
        guard let length = try readLength(Int16.self) else { return nil }
        guard let text = String(utf8: try reader.bytes(length)) else {
            throw reader.malformed("\(name) is not UTF-8")
        }
        return text
    }

    /// Bytes, read as a view.
    package mutating func callAsFunction(
        _ name: StaticString, _ value: inout WireBytes, since: Int16 = 0, until: Int16 = .max
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        var bytes: WireBytes? = value
        try visit(name, &bytes, isNullable: false)
        value = bytes ?? WireBytes()
    }

    /// Bytes that may be null, read as a view.
    package mutating func callAsFunction(
        _ name: StaticString, _ value: inout WireBytes?, since: Int16 = 0, until: Int16 = .max
    ) throws(SerdeError) {
        guard has(since, until) else { return }
        try visit(name, &value, isNullable: true)
    }

    private mutating func visit(
        _ name: StaticString, _ value: inout WireBytes?, isNullable: Bool
    ) throws(SerdeError) {
        if let writer {
            try writeLength(value?.count, Int32.self)
            if let value { writer.pointee.append(contentsOf: value.bytes) }
        } else if let visitor {
            visitor.bytes(name.description, &value, isNullable: isNullable)
        } else if let length = try readLength(Int32.self) {
            value = source.view(of: try reader.bytes(length))
        } else {
            guard isNullable else { throw null(name) }
            value = nil
        }
    }

    /// Record batches, read as a view.
    package mutating func callAsFunction(_ name: StaticString, _ value: inout RecordData) throws(SerdeError) {
        if let writer {
            switch value {
            case .none: try writeLength(nil, Int32.self)
            case .bytes(let bytes):
                try writeLength(bytes.count, Int32.self)
                writer.pointee.append(contentsOf: bytes.bytes)
            case .elsewhere(let byteCount):
                try writeLength(byteCount, Int32.self)
                gaps.append(RecordGap(position: writer.pointee.count, byteCount: byteCount))
            }
        } else if let visitor {
            visitor.records(name.description, &value)
        } else if let length = try readLength(Int32.self) {
            value = .bytes(source.view(of: try reader.bytes(length)))
        } else {
            value = .none
        }
    }

    // MARK: Lengths

    /// Writes a length, −1 for nil; before flexible versions as a `Plain`.
    func writeLength<Plain: FixedWidthInteger>(_ length: Int?, _: Plain.Type) throws(SerdeError) {
        guard let writer else { return }
        let length = length ?? -1
        guard length <= (isFlexible ? Int(Int32.max) - 1 : Int(Plain.max)) else {
            throw reader.malformed("a field of \(length) bytes or elements is too long")
        }
        if isFlexible {
            writer.pointee.append(unsignedVarint: UInt64(length + 1))
        } else {
            writer.pointee.append(bigEndian: Plain(length))
        }
    }

    /// Reads a length: nil for −1.
    mutating func readLength<Plain: FixedWidthInteger & BitwiseCopyable>(_: Plain.Type) throws(SerdeError) -> Int? {
        let length = isFlexible ? Int(try reader.unsignedVarint()) - 1 : Int(try reader.number(Plain.self))
        guard length >= -1 else { throw reader.malformed("a length is \(length)") }
        return length < 0 ? nil : length
    }

    /// Reads the count of elements, each of which takes at least `size` bytes on the wire and `stride` in memory.
    mutating func readCount(
        _ name: StaticString, ofSize size: Int, stride: Int, isNullable: Bool
    ) throws(SerdeError) -> Int? {
        guard let count = try readLength(Int32.self) else {
            guard isNullable else { throw null(name) }
            return nil
        }
        // Neither product overflows: a count has at most 32 bits.
        guard count * size <= reader.rest.count else {
            throw reader.malformed("\(name) claims to have \(count) elements")
        }
        guard count * stride <= elementBytes else {
            throw reader.malformed("\(name) claims to have \(count) elements, more than there is memory for")
        }
        elementBytes -= count * stride
        return count
    }

    func null(_ name: StaticString) -> SerdeError { reader.malformed("\(name) is null") }

    // MARK: Tagged fields

    /// Runs through the tagged fields of `value`.
    mutating func tagged(_ value: inout some WireFields) throws(SerdeError) {
        if let writer {
            let place = writer.pointee.count
            let outerCount = tagCount
            tagCount = 0
            writer.pointee.append(byte: 0)
            try value.tags(&self)
            if tagCount > 0 { writer.pointee.set(tagCount, at: place) }
            tagCount = outerCount
        } else if visitor != nil {
            try value.tags(&self)
        } else {
            for _ in 0..<(try reader.unsignedVarint()) {  // Throws if the count exceeds the fields that are there.
                wantedTag = try reader.unsignedVarint()
                let size = Int(try reader.unsignedVarint())
                var content = reader
                content.rest = try reader.bytes(size)
                let behind = reader
                reader = content
                try value.tags(&self)
                guard wantedTag != nil || reader.rest.isEmpty else {
                    throw reader.malformed("a tagged field has \(size) bytes, \(reader.rest.count) of them too many")
                }
                reader = behind
            }
            wantedTag = nil
        }
    }

    /// Runs `field` if it is its turn. `isSet`: whether the field has another value than its default.
    mutating func tag(
        _ number: UInt32, isSet: Bool, _ field: (inout WireCodec) throws(SerdeError) -> Void
    ) throws(SerdeError) {
        if let writer {
            guard isSet else { return }
            tagCount += 1
            writer.pointee.append(unsignedVarint: UInt64(number))
            let start = writer.pointee.count
            try field(&self)
            writer.pointee.insert(unsignedVarint: UInt64(writer.pointee.count - start), at: start)
        } else if let visitor {
            if isSet || visitor.showsDefaults { try field(&self) }
        } else if wantedTag == number {
            wantedTag = nil
            try field(&self)
            wantedTag = nil
        }
    }
}
