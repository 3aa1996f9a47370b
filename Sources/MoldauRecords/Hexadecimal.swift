extension UInt8 {
    /// The value of this ASCII character as a hexadecimal digit; nil if it is not one.
    package var hexadecimalDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension Unicode.Scalar {
    /// Whether a terminal may act upon it instead of showing it.
    package var isControl: Bool { properties.generalCategory == .control }
}

extension Sequence<UInt8> {
    /// Each byte as two lower-case digits.
    package var hexadecimal: String {
        var writer = ByteWriter(capacity: 2 * underestimatedCount)
        for byte in self { writer.append(hexadecimal: byte) }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension [UInt8] {
    /// Parses two hexadecimal digits per byte; nil if the text is anything else.
    package init?(hexadecimal text: some StringProtocol) {
        let digits = text.utf8.compactMap(\.hexadecimalDigit)
        guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
        self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}

extension ByteWriter {
    /// Writes a byte as two lower-case digits.
    package mutating func append(hexadecimal byte: UInt8) {
        append(hexadecimalDigit: byte >> 4)
        append(hexadecimalDigit: byte & 15)
    }

    private mutating func append(hexadecimalDigit digit: UInt8) {
        append(byte: digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
}
