// Helpers for both parsing and writing strings.

import MoldauRecords

/// The end of the text that needs no decoding or escaping: stops at a quote, a backslash, a control character or a byte
/// beyond ASCII. Reads eight bytes at a time.
@inline(__always)
func plainTextEnd(from start: UnsafePointer<UInt8>, to end: UnsafePointer<UInt8>) -> UnsafePointer<UInt8> {
    let (ones, tops): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
    var position = start
    while end - position >= 8 {
        let word = UInt64(littleEndian: UnsafeRawPointer(position).loadUnaligned(as: UInt64.self))
        let quote = word ^ (ones &* UInt64(UInt8(ascii: "\"")))
        let backslash = word ^ (ones &* UInt64(UInt8(ascii: "\\")))
        // A byte's top bit becomes set if the byte is below 0x20, a quote or a backslash. A borrow may set bits above
        // the lowest such byte, which does not matter.
        let below = (word &- ones &* 0x20) & ~word
        let found = (below | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | word) & tops
        if found != 0 { return position + found.trailingZeroBitCount / 8 }
        position += 8
    }
    while position < end, isPlain(position.pointee) { position += 1 }
    return position
}

/// Whether a JSON string may contain this byte unescaped.
@inline(__always)
func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
}

/// The end of the Unicode scalar that begins here with a byte beyond ASCII; nil if it is not well-formed UTF-8
/// (Unicode, table 3-7).
func scalarEnd(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> UnsafePointer<UInt8>? {
    let length: Int
    let second: ClosedRange<UInt8>
    switch start.pointee {
    case 0xc2...0xdf: (length, second) = (2, 0x80...0xbf)
    case 0xe0: (length, second) = (3, 0xa0...0xbf)
    case 0xe1...0xec, 0xee...0xef: (length, second) = (3, 0x80...0xbf)
    case 0xed: (length, second) = (3, 0x80...0x9f)
    case 0xf0: (length, second) = (4, 0x90...0xbf)
    case 0xf1...0xf3: (length, second) = (4, 0x80...0xbf)
    case 0xf4: (length, second) = (4, 0x80...0x8f)
    default: return nil
    }
    guard end - start >= length, second.contains(start[1]), (2..<length).allSatisfy({ start[$0] & 0xc0 == 0x80 })
    else { return nil }
    return start + length
}

/// The value of four hexadecimal digits; nil if they are not digits.
func codeUnit(_ digits: UnsafePointer<UInt8>) -> UInt16? {
    var unit: UInt16 = 0
    for index in 0..<4 {
        guard let digit = digits[index].hexadecimalDigit else { return nil }
        unit = unit << 4 | UInt16(digit)
    }
    return unit
}

extension String {
    /// Decodes the escapes in a string that the parser has checked.
    init(unescaping text: UnsafeBufferPointer<UInt8>) {
        // An escape is never shorter than the character it stands for.
        self.init(unsafeUninitializedCapacity: text.count) { target in
            var (from, to) = (text.baseAddress!, 0)  // It has an escape, so that it is not empty.
            let end = from + text.count
            while from < end {
                guard from.pointee == UInt8(ascii: "\\") else {
                    target[to] = from.pointee
                    (from, to) = (from + 1, to + 1)
                    continue
                }
                let scalar: Unicode.Scalar
                (scalar, from) = unescapedScalar(from + 1)
                for byte in UTF8.encode(scalar)! {  // UTF-8 has every scalar.
                    target[to] = byte
                    to += 1
                }
            }
            return to
        }
    }
}

/// Decodes a checked escape whose backslash is just before `text`; also returns where the escape ends.
private func unescapedScalar(_ text: UnsafePointer<UInt8>) -> (Unicode.Scalar, UnsafePointer<UInt8>) {
    switch text.pointee {
    case UInt8(ascii: "b"): return ("\u{8}", text + 1)
    case UInt8(ascii: "f"): return ("\u{c}", text + 1)
    case UInt8(ascii: "n"): return ("\n", text + 1)
    case UInt8(ascii: "r"): return ("\r", text + 1)
    case UInt8(ascii: "t"): return ("\t", text + 1)
    case UInt8(ascii: "u"):
        // The parser has checked that each escape is whole, and that surrogates come in pairs.
        let unit = codeUnit(text + 1)!
        guard UTF16.isLeadSurrogate(unit) else { return (Unicode.Scalar(unit)!, text + 5) }
        let pair = UTF16.EncodedScalar([unit, codeUnit(text + 7)!])
        return (UTF16.decode(pair), text + 11)
    case let byte: return (Unicode.Scalar(byte), text + 1)
    }
}
