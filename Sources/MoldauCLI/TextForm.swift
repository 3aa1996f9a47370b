import ArgumentParser
import MoldauRecords

/// How keys and values are shown and read as text.
enum TextForm: String, ExpressibleByArgument, CaseIterable {
    /// The bytes as they are. What is written has to be UTF-8; what is read is printed in any case.
    case string
    /// The bytes as they are, whatever they are.
    case bytes
    /// Eight bytes, most significant first, as a decimal number.
    case int64
    /// Two hexadecimal digits a byte.
    case hex

    /// - Throws: `SerdeError` when the bytes have no such form.
    func text(_ bytes: UnsafeRawBufferPointer) throws -> [UInt8] {
        switch self {
        case .string, .bytes: Array(bytes)
        case .int64: Array(String(try Int64.serde.decode(RawSpan(_unsafeBytes: bytes))).utf8)
        case .hex: bytes.flatMap { byte in ((byte < 16 ? "0" : "") + String(byte, radix: 16)).utf8 }
        }
    }

    /// The bytes that the text stands for; nil when it has not this form.
    func bytes(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        switch self {
        case .string: return String(validating: text, as: UTF8.self) == nil ? nil : Array(text)
        case .bytes: return Array(text)
        case .int64:
            guard let number = Int64(String(decoding: text, as: UTF8.self)) else { return nil }
            return withUnsafeBytes(of: number.bigEndian) { Array($0) }
        case .hex:
            guard text.count.isMultiple(of: 2) else { return nil }
            var bytes: [UInt8] = []
            for index in stride(from: text.startIndex, to: text.endIndex, by: 2) {
                let pair = String(decoding: text[index...index + 1], as: UTF8.self)
                guard pair.first?.isHexDigit == true, let byte = UInt8(pair, radix: 16) else { return nil }
                bytes.append(byte)
            }
            return bytes
        }
    }

    /// What the text of this form looks like, for errors.
    var article: String {
        switch self {
        case .string: "UTF-8 text; '--key-type bytes' and '--value-type bytes' take any bytes"
        case .bytes: "bytes"
        case .int64: "a whole number of 64 bits"
        case .hex: "an even number of hexadecimal digits"
        }
    }
}
