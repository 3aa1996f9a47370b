// The serdes of Swift's own types, with the same bytes as Kafka's serdes: numbers big-endian, text UTF-8. Kafka has no
// serdes for one-byte and unsigned numbers; they are written like the signed numbers of their size.

extension String: StreamCodable {
    /// UTF-8, like Kafka's string serde.
    public static var serde: Serde<String> {
        // Checked once here, not for every string.
        ShortText.isTrusted
            ? serde(write: { $0.append(trusted: $1) }, read: { String(trusted: $0) })
            : serde(write: { $0.append(anyLength: $1) }, read: { String(anyLength: $0) })
    }

    /// Inlined, so that no string costs a call from one closure to another.
    @inline(__always) private static func serde(
        write: @escaping @Sendable (inout ByteWriter, String) -> Void,
        read: @escaping @Sendable (UnsafeRawBufferPointer) -> String?
    ) -> Serde<String> {
        Serde(
            encode: { text, writer in write(&writer, text) },
            decode: { bytes in
                try bytes.withUnsafeBytes { buffer in
                    guard let text = read(buffer) else { throw SerdeError.invalidUTF8 }
                    return text
                }
            }, format: "utf8")
    }
}

extension FixedWidthInteger where Self: BitwiseCopyable, Self: Sendable {
    @usableFromInline static var bigEndianSerde: Serde<Self> {
        Serde(
            encode: { number, writer in writer.append(bigEndian: number) },
            decode: { bytes in try Self(bigEndianBytes: bytes) },
            fixedSize: MemoryLayout<Self>.size, format: formatName)
    }

    /// `int64`, for example. Spelled out because it is cheap: code may get the serde for every record.
    private static var formatName: String {
        switch bitWidth {
        case 8: isSigned ? "int8" : "uint8"
        case 16: isSigned ? "int16" : "uint16"
        case 32: isSigned ? "int32" : "uint32"
        case 64: isSigned ? "int64" : "uint64"
        default: "\(isSigned ? "int" : "uint")\(bitWidth)"
        }
    }

    /// Reads exactly this type's size, most significant byte first.
    @usableFromInline init(bigEndianBytes bytes: borrowing RawSpan) throws(SerdeError) {
        guard bytes.byteCount == MemoryLayout<Self>.size else {
            throw .wrongLength(type: "\(Self.self)", expected: MemoryLayout<Self>.size, got: bytes.byteCount)
        }
        self.init(bigEndian: bytes.unsafeLoadUnaligned(as: Self.self))
    }
}

extension Int8: StreamCodable {
    /// One byte.
    public static var serde: Serde<Int8> { bigEndianSerde }
}
extension Int16: StreamCodable {
    /// Two bytes, big-endian, like Kafka's short serde.
    public static var serde: Serde<Int16> { bigEndianSerde }
}
extension Int32: StreamCodable {
    /// Four bytes, big-endian, like Kafka's integer serde.
    public static var serde: Serde<Int32> { bigEndianSerde }
}
extension Int64: StreamCodable {
    /// Eight bytes, big-endian, like Kafka's long serde.
    public static var serde: Serde<Int64> { bigEndianSerde }
}
extension UInt8: StreamCodable {
    /// One byte.
    public static var serde: Serde<UInt8> { bigEndianSerde }
}
extension UInt16: StreamCodable {
    /// Two bytes, big-endian.
    public static var serde: Serde<UInt16> { bigEndianSerde }
}
extension UInt32: StreamCodable {
    /// Four bytes, big-endian.
    public static var serde: Serde<UInt32> { bigEndianSerde }
}
extension UInt64: StreamCodable {
    /// Eight bytes, big-endian.
    public static var serde: Serde<UInt64> { bigEndianSerde }
}

/// Eight bytes, as `Int64`.
extension Int: StreamCodable {
    /// Eight bytes, big-endian.
    public static var serde: Serde<Int> {
        Serde(
            encode: { number, writer in writer.append(bigEndian: Int64(number)) },
            decode: { bytes in Int(try Int64(bigEndianBytes: bytes)) },
            fixedSize: 8, format: "int64")
    }
}

/// Eight bytes, as `UInt64`.
extension UInt: StreamCodable {
    /// Eight bytes, big-endian.
    public static var serde: Serde<UInt> {
        Serde(
            encode: { number, writer in writer.append(bigEndian: UInt64(number)) },
            decode: { bytes in UInt(try UInt64(bigEndianBytes: bytes)) },
            fixedSize: 8, format: "uint64")
    }
}

extension Double: StreamCodable {
    /// Eight bytes, IEEE 754, big-endian, like Kafka's double serde.
    public static var serde: Serde<Double> {
        Serde(
            encode: { number, writer in writer.append(bigEndian: number.bitPattern) },
            decode: { bytes in Double(bitPattern: try UInt64(bigEndianBytes: bytes)) },
            fixedSize: 8, format: "float64")
    }
}

extension Float: StreamCodable {
    /// Four bytes, IEEE 754, big-endian, like Kafka's float serde.
    public static var serde: Serde<Float> {
        Serde(
            encode: { number, writer in writer.append(bigEndian: number.bitPattern) },
            decode: { bytes in Float(bitPattern: try UInt32(bigEndianBytes: bytes)) },
            fixedSize: 4, format: "float32")
    }
}

/// One byte, 0 or 1.
extension Bool: StreamCodable {
    /// One byte, like Kafka's boolean serde.
    public static var serde: Serde<Bool> {
        Serde(
            encode: { flag, writer in writer.append(byte: flag ? 1 : 0) },
            decode: { bytes in
                switch try UInt8(bigEndianBytes: bytes) {
                case 0: false
                case 1: true
                case let byte: throw SerdeError.malformed(type: "Bool", reason: "the byte is \(byte), not 0 or 1")
                }
            }, format: "bool")
    }
}

extension [UInt8]: StreamCodable {
    /// The bytes as they are, like Kafka's byte array serde.
    public static var serde: Serde<[UInt8]> {
        Serde(
            encode: { bytes, writer in writer.append(contentsOf: bytes) },
            decode: { bytes in bytes.withUnsafeBytes { Array($0) } }, format: "bytes")
    }
}

extension Serde<Void> {
    /// The serde of a key or value that is always null: `Topic<Void, String>("log", key: .void, value: String.serde)`.
    /// Decoding anything but a null throws `SerdeError.wrongLength`.
    public static var void: Serde<Void> {
        Serde(
            encode: { _, _ in },
            decode: { bytes in
                guard bytes.byteCount == 0 else {
                    throw SerdeError.wrongLength(type: "Void", expected: 0, got: bytes.byteCount)
                }
            },
            null: .init(isNull: { _ in true }, make: {}), format: "void")
    }
}
