import MoldauRecords

extension ByteWriter {
    /// Writes text in quotes; escapes what JSON wants escaped and nothing else.
    mutating func append(quoted text: String) {
        var text = text
        append(byte: UInt8(ascii: "\""))
        text.withUTF8 { utf8 in
            guard var position = utf8.baseAddress else { return }
            let end = position + utf8.count
            while position < end {
                var plain = plainTextEnd(from: position, to: end)
                while plain < end, plain.pointee >= 0x80 { plain = plainTextEnd(from: plain + 1, to: end) }
                append(contentsOf: UnsafeRawBufferPointer(start: position, count: plain - position))
                position = plain
                if position < end {
                    append(escaped: position.pointee)
                    position += 1
                }
            }
        }
        append(byte: UInt8(ascii: "\""))
    }

    private mutating func append(escaped byte: UInt8) {
        append(byte: UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): append(byte: byte)
        case 0x08: append(byte: UInt8(ascii: "b"))
        case 0x09: append(byte: UInt8(ascii: "t"))
        case 0x0a: append(byte: UInt8(ascii: "n"))
        case 0x0c: append(byte: UInt8(ascii: "f"))
        case 0x0d: append(byte: UInt8(ascii: "r"))
        default:
            append(word: "u00")
            append(byte: hexDigit(byte >> 4))
            append(byte: hexDigit(byte & 15))
        }
    }

    private func hexDigit(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }

    @inline(__always)
    mutating func append(word: StaticString) {
        append(contentsOf: UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    /// Writes a number of at most 64 bits in decimal.
    mutating func append(decimal number: some FixedWidthInteger) {
        guard let small = Int64(exactly: number) else { return append(utf8: String(number)) }
        let most = 20
        let memory = reserve(most).assumingMemoryBound(to: UInt8.self)
        var rest = small.magnitude
        var place = most
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            place -= 1
            memory[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit)
            rest = quotient
        } while rest > 0
        if small < 0 {
            place -= 1
            memory[place] = UInt8(ascii: "-")
        }
        UnsafeMutableRawPointer(memory).copyMemory(from: memory + place, byteCount: most - place)
        advance(by: most - place)
    }

    /// Writes a finite number with as few digits as tell it from its neighbours; whole ones without a fraction.
    mutating func append(shortest number: some BinaryFloatingPoint & CustomStringConvertible) {
        append(utf8: number.description)
        let text = bytes
        if text[text.count - 1] == UInt8(ascii: "0"), text[text.count - 2] == UInt8(ascii: ".") {
            truncate(to: text.count - 2)
        }
    }
}
