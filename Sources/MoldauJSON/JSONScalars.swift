import MoldauRecords

extension ByteWriter {
    /// Appends text in quotes; escapes only what JSON requires.
    mutating func append(quoted text: String) {
        var text = text
        text.withUTF8 { utf8 in
            // Room for the text without escapes, and for what callers append around it.
            let target = reserve(utf8.count + 4).assumingMemoryBound(to: UInt8.self)
            target[0] = UInt8(ascii: "\"")
            let plain = escapelessEnd(utf8)
            UnsafeMutableRawPointer(target + 1).copyMemory(
                from: utf8.baseAddress ?? UnsafePointer(target), byteCount: plain)
            advance(by: 1 + plain)
            if plain < utf8.count { appendEscaping(UnsafeBufferPointer(rebasing: utf8[plain...])) }
        }
        append(byte: UInt8(ascii: "\""))
    }

    private mutating func appendEscaping(_ text: UnsafeBufferPointer<UInt8>) {
        var rest = text
        while let first = rest.first {
            append(escaped: first)
            let behind = UnsafeBufferPointer(rebasing: rest.dropFirst())
            let plain = escapelessEnd(behind)
            append(contentsOf: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(behind)[..<plain]))
            rest = UnsafeBufferPointer(rebasing: behind[plain...])
        }
    }

    /// The number of bytes from the start that need no escape.
    @inline(__always)
    private func escapelessEnd(_ text: UnsafeBufferPointer<UInt8>) -> Int {
        guard let start = text.baseAddress else { return 0 }
        let end = start + text.count
        var plain = plainTextEnd(from: start, to: end)
        while plain < end, plain.pointee >= 0x80 { plain = plainTextEnd(from: plain + 1, to: end) }
        return plain - start
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
            append(hexadecimal: byte)
        }
    }

    @inline(__always)
    mutating func append(word: StaticString) {
        append(contentsOf: UnsafeRawBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    /// Appends an integer in decimal; fastest if it fits in an `Int64`.
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

    /// Appends a finite number with the fewest digits that identify it; integers without a fraction.
    mutating func append(shortest number: some BinaryFloatingPoint & CustomStringConvertible) {
        append(utf8: number.description)
        let text = bytes
        if text[text.count - 1] == UInt8(ascii: "0"), text[text.count - 2] == UInt8(ascii: ".") {
            truncate(to: text.count - 2)
        }
    }
}
