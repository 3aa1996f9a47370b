import ArgumentParser
import MoldauRecords

/// How keys and values are converted to and from text.
enum TextForm: String, ExpressibleByArgument, CaseIterable {
    /// The bytes as they are. Input must be UTF-8; output is printed even if it is not.
    case string
    /// The bytes as they are, whether UTF-8 or not.
    case bytes
    /// Eight bytes, big-endian, as a decimal number.
    case int64
    /// Each byte as two hexadecimal digits.
    case hex

    /// - Throws: `SerdeError` if the bytes do not have this form.
    func text(_ bytes: UnsafeRawBufferPointer) throws -> [UInt8] {
        switch self {
        case .string, .bytes: Array(bytes)
        case .int64: Array(String(try Int64.serde.decode(RawSpan(_unsafeBytes: bytes))).utf8)
        case .hex: Array(bytes.hexadecimal.utf8)
        }
    }

    /// Converts text to bytes; nil if the text does not have this form.
    func bytes(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        switch self {
        case .string: return String(validating: text, as: UTF8.self) == nil ? nil : Array(text)
        case .bytes: return Array(text)
        case .int64:
            guard let number = Int64(String(decoding: text, as: UTF8.self)) else { return nil }
            return withUnsafeBytes(of: number.bigEndian) { Array($0) }
        case .hex: return [UInt8](hexadecimal: String(decoding: text, as: UTF8.self))
        }
    }

    /// A description of the text form, for error messages.
    var article: String {
        switch self {
        case .string: "UTF-8 text; '--key-type bytes' and '--value-type bytes' take any bytes"
        case .bytes: "bytes"
        case .int64: "a whole number of 64 bits"
        case .hex: "an even number of hexadecimal digits"
        }
    }
}
