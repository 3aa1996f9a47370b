// Converts the text of a JSON number, which the parser has checked, to Swift's number types.

/// The text of a number that the parser has checked.
struct JSONNumber {
    let text: UnsafeBufferPointer<UInt8>
    /// Whether the text has neither a fraction nor an exponent.
    let isInteger: Bool

    private var string: String { String(decoding: text, as: UTF8.self) }

    /// The number as an exact integer: "1e2" and "1.0" are integers. nil if it is not one, or does not fit the type.
    @inline(__always)
    func integer<Number: FixedWidthInteger>(as type: Number.Type) -> Number? {
        guard isInteger, let number = smallInteger else { return exactInteger() }
        return number.negative
            ? (number.magnitude <= 1 << 63
                ? Number(exactly: Int64(truncatingIfNeeded: 0 &- number.magnitude)) : exactInteger())
            : Number(exactly: number.magnitude)
    }

    /// The sign and magnitude of a number of up to 19 digits, which fits in 64 bits.
    private var smallInteger: (negative: Bool, magnitude: UInt64)? {
        @inline(__always) get {
            let negative = text[0] == UInt8(ascii: "-")
            guard text.count - (negative ? 1 : 0) <= 19 else { return nil }
            var magnitude: UInt64 = 0
            for index in (negative ? 1 : 0)..<text.count {
                magnitude = magnitude &* 10 &+ UInt64(text[index] &- UInt8(ascii: "0"))
            }
            return (negative, magnitude)
        }
    }

    /// Works on the decimal digits: the point and the exponent only decide how many zeros follow.
    private func exactInteger<Number: FixedWidthInteger>() -> Number? {
        if isInteger { return Number(string) }
        guard let parts = Parts(text) else { return nil }
        var digits = parts.digits[...]
        var exponent = parts.exponent
        while digits.last == "0", exponent < 0 {
            digits.removeLast()
            exponent += 1
        }
        let significant = digits.drop { $0 == "0" }
        if significant.isEmpty { return 0 }
        // 128 bits have at most 39 digits.
        guard exponent >= 0, significant.count + exponent <= 39 else { return nil }
        return Number((parts.negative ? "-" : "") + significant + String(repeating: "0", count: exponent))
    }

    /// The sign, the digits without the point, and the power of ten to multiply them with. nil if the exponent does not
    /// fit in 32 bits.
    private struct Parts {
        var negative = false
        var digits = ""
        var exponent = 0

        init?(_ text: UnsafeBufferPointer<UInt8>) {
            var behindPoint = 0
            var sawPoint = false
            for (index, byte) in text.enumerated() {
                switch byte {
                case UInt8(ascii: "-"): negative = true
                case UInt8(ascii: "."): sawPoint = true
                case UInt8(ascii: "e"), UInt8(ascii: "E"):
                    let written = String(decoding: UnsafeBufferPointer(rebasing: text[(index + 1)...]), as: UTF8.self)
                    guard let number = Int32(written) else { return nil }
                    exponent = Int(number) - behindPoint
                    return
                default:
                    digits.unicodeScalars.append(Unicode.Scalar(byte))
                    if sawPoint { behindPoint += 1 }
                }
            }
            exponent = -behindPoint
        }
    }

    /// The nearest floating-point number; nil if the number is too large for the type, or so small that it would become
    /// zero.
    @inline(__always)
    func double() -> Double? { smallDouble ?? nearest() }

    func float() -> Float? { nearest() }

    private func nearest<Number: BinaryFloatingPoint & LosslessStringConvertible>() -> Number? {
        guard let number = Number(string), number.isFinite, !number.isZero || isZero else { return nil }
        return number
    }

    private var isZero: Bool {
        text.prefix { $0 | 0x20 != UInt8(ascii: "e") }.allSatisfy { !(UInt8(ascii: "1")...UInt8(ascii: "9") ~= $0) }
    }

    /// For numbers whose digits and power of ten a `Double` holds exactly: there is only one rounding, so the result is
    /// the nearest.
    private var smallDouble: Double? {
        @inline(__always) get {
            var digits: UInt64 = 0
            var digitCount = 0
            var behindPoint = 0
            var sawPoint = false
            var index = text[0] == UInt8(ascii: "-") ? 1 : 0
            let negative = index == 1
            while index < text.count {
                let digit = text[index] &- UInt8(ascii: "0")
                if digit < 10 {
                    digits = digits &* 10 &+ UInt64(digit)
                    digitCount += 1
                    if sawPoint { behindPoint += 1 }
                } else if text[index] == UInt8(ascii: ".") {
                    sawPoint = true
                } else {
                    return nil
                }
                index += 1
            }
            guard digitCount <= 19, digits <= 1 << 53, behindPoint <= 22 else { return nil }
            let magnitude = Double(digits) / powersOfTen[behindPoint]
            return negative ? -magnitude : magnitude
        }
    }
}

/// 10⁰ to 10²², which a `Double` represents exactly.
private let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
]
