// The serdes of Swift's own types, in the bytes of Kafka's: numbers big-endian, text UTF-8, UUIDs as their text.

extension String: StreamCodable {
    public static var serde: Serde<String> {
        Serde(
            encode: { text, writer in writer.append(utf8: text) },
            decode: { bytes in
                try bytes.withUnsafeBytes { buffer in
                    guard let text = String(utf8: buffer) else { throw SerdeError.invalidUTF8 }
                    return text
                }
            })
    }
}

extension FixedWidthInteger where Self: BitwiseCopyable, Self: Sendable {
    @usableFromInline static var bigEndianSerde: Serde<Self> {
        Serde(
            encode: { number, writer in writer.append(bigEndian: number) },
            decode: { bytes in try Self(bigEndianBytes: bytes) })
    }

    /// Reads exactly this type's size, most significant byte first.
    @usableFromInline init(bigEndianBytes bytes: borrowing RawSpan) throws(SerdeError) {
        guard bytes.byteCount == MemoryLayout<Self>.size else {
            throw .wrongLength(type: "\(Self.self)", expected: MemoryLayout<Self>.size, got: bytes.byteCount)
        }
        self.init(bigEndian: bytes.unsafeLoadUnaligned(as: Self.self))
    }
}

extension Int16: StreamCodable { public static var serde: Serde<Int16> { bigEndianSerde } }
extension Int32: StreamCodable { public static var serde: Serde<Int32> { bigEndianSerde } }
extension Int64: StreamCodable { public static var serde: Serde<Int64> { bigEndianSerde } }
/// Eight bytes, as `Int64`.
extension Int: StreamCodable {
    public static var serde: Serde<Int> {
        Serde(
            encode: { number, writer in writer.append(bigEndian: Int64(number)) },
            decode: { bytes in Int(try Int64(bigEndianBytes: bytes)) })
    }
}

extension Double: StreamCodable {
    public static var serde: Serde<Double> {
        Serde(
            encode: { number, writer in writer.append(bigEndian: number.bitPattern) },
            decode: { bytes in Double(bitPattern: try UInt64(bigEndianBytes: bytes)) })
    }
}

extension Float: StreamCodable {
    public static var serde: Serde<Float> {
        Serde(
            encode: { number, writer in writer.append(bigEndian: number.bitPattern) },
            decode: { bytes in Float(bitPattern: try UInt32(bigEndianBytes: bytes)) })
    }
}

extension Bool: StreamCodable {
    public static var serde: Serde<Bool> {
        Serde(
            encode: { flag, writer in writer.append(byte: flag ? 1 : 0) },
            decode: { bytes in
                switch try UInt8(bigEndianBytes: bytes) {
                case 0: false
                case 1: true
                case let byte: throw SerdeError.malformed(type: "Bool", reason: "the byte is \(byte), not 0 or 1")
                }
            })
    }
}

extension [UInt8]: StreamCodable {
    public static var serde: Serde<[UInt8]> {
        Serde(
            encode: { bytes, writer in writer.append(contentsOf: bytes) },
            decode: { bytes in bytes.withUnsafeBytes { Array($0) } })
    }
}
