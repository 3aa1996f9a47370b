import ArgumentParser
import MoldauRecords

/// How keys and values are shown and read as text.
enum TextForm: String, ExpressibleByArgument, CaseIterable {
    /// UTF-8; other bytes are shown as the replacement character.
    case string
    /// Eight bytes, most significant first, as a decimal number.
    case int64
    /// Two hexadecimal digits a byte.
    case hex

    /// - Throws: `SerdeError` when the bytes have no such form.
    func text(_ bytes: UnsafeRawBufferPointer) throws -> String {
        switch self {
        case .string: String(decoding: bytes, as: UTF8.self)
        case .int64: String(try Int64.serde.decode(RawSpan(_unsafeBytes: bytes)))
        case .hex: bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        }
    }

    /// The bytes that the text stands for; nil when it has not this form.
    func bytes(_ text: some StringProtocol) -> [UInt8]? {
        switch self {
        case .string: return Array(text.utf8)
        case .int64:
            guard let number = Int64(text) else { return nil }
            return withUnsafeBytes(of: number.bigEndian) { Array($0) }
        case .hex:
            let digits = Array(text.utf8)
            guard digits.count.isMultiple(of: 2) else { return nil }
            var bytes: [UInt8] = []
            for index in stride(from: 0, to: digits.count, by: 2) {
                let pair = String(decoding: digits[index...index + 1], as: UTF8.self)
                guard pair.first?.isHexDigit == true, let byte = UInt8(pair, radix: 16) else { return nil }
                bytes.append(byte)
            }
            return bytes
        }
    }

    /// What the text of this form looks like, for errors.
    var article: String {
        switch self {
        case .string: "text"
        case .int64: "a whole number of 64 bits"
        case .hex: "an even number of hexadecimal digits"
        }
    }
}
