// Text of up to 15 bytes is stored in the two words of a `String` itself: the bytes, and in the last of the 16 bytes
// their count and whether all are ASCII (StringObject.swift of the standard library). This layout is compiled into
// programs, so it cannot change under them. Most words and keys are that short: to build and read them as two words
// takes 30 and 15 instructions instead of 200 and 60.
//
// The layout is not guaranteed. So it is used only with compilers that are known to have it, and only after the process
// has compared it with strings that the standard library made; otherwise all text takes the general path.

import Synchronization

extension String {
    /// The text of these bytes; nil if they are not UTF-8.
    ///
    /// For your own serdes: the same as `String(validating:as:)`, which is generic and takes 100 ns longer.
    public init?(utf8 bytes: UnsafeRawBufferPointer) {
        if ShortText.isTrusted { self.init(trusted: bytes) } else { self.init(anyLength: bytes) }
    }

    /// Like `init(utf8:)`, if `ShortText.isTrusted`.
    @inline(__always) init?(trusted bytes: UnsafeRawBufferPointer) {
        if let short = ShortText(ascii: bytes) {
            self = short.text
            return
        }
        self.init(anyLength: bytes)
    }

    /// Like `init(utf8:)`, by the general path, for text of any length.
    package init?(anyLength bytes: UnsafeRawBufferPointer) {
        guard bytes.isASCII else {
            self.init(validating: bytes, as: UTF8.self)
            return
        }
        self.init(unsafeUninitializedCapacity: bytes.count) { text in
            UnsafeMutableRawBufferPointer(text).copyMemory(from: bytes)
            return bytes.count
        }
    }
}

/// A short string as its two words.
package struct ShortText {
    fileprivate let words: (low: UInt64, high: UInt64)

    /// nil for text that is not stored in the two words.
    @inline(__always) init?(_ text: String) {
        #if compiler(>=6.2) && compiler(<6.4) && _endian(little) && _pointerBitWidth(_64) && !os(Android)
            words = unsafeBitCast(text, to: (UInt64, UInt64).self)
            guard words.high & Self.isShort != 0 else { return nil }
        #else
            return nil
        #endif
    }

    /// nil if there are more than 15 bytes, or not all are ASCII.
    @inline(__always) init?(ascii bytes: UnsafeRawBufferPointer) {
        #if compiler(>=6.2) && compiler(<6.4) && _endian(little) && _pointerBitWidth(_64) && !os(Android)
            let count = bytes.count
            guard count < 16, let base = bytes.baseAddress else { return nil }
            var (low, high): (UInt64, UInt64) = (0, 0)
            if count >= 8 {
                low = base.loadUnaligned(as: UInt64.self)
                // The last eight bytes; some of them are in the low word already.
                high =
                    base.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
                    >> UInt64(truncatingIfNeeded: 128 &- 8 &* count)
            } else if count >= 4 {
                let tail = UInt64(base.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
                low =
                    UInt64(base.loadUnaligned(as: UInt32.self)) | tail &<< UInt64(truncatingIfNeeded: 8 &* count &- 32)
            } else {
                for place in 0..<count {
                    low |=
                        UInt64(base.load(fromByteOffset: place, as: UInt8.self))
                        &<< UInt64(truncatingIfNeeded: 8 &* place)
                }
            }
            guard (low | high) & 0x8080_8080_8080_8080 == 0 else { return nil }
            words = (low, high | Self.shortASCII | UInt64(truncatingIfNeeded: count) << 56)
        #else
            return nil
        #endif
    }

    private static var isShort: UInt64 { 1 << 61 }
    /// The flags of an immortal, ASCII, short string.
    private static var shortASCII: UInt64 { 0b111 << 61 }

    var count: Int { Int(words.high >> 56 & 0xf) }

    /// Overwrites an empty string, which has nothing to release: a cast would cost reference counting.
    @inline(__always) var text: String {
        var text = ""
        withUnsafeMutableBytes(of: &text) { $0.storeBytes(of: words, as: (UInt64, UInt64).self) }
        return text
    }

    // MARK: Self-test

    /// Whether strings have the layout that this file assumes. Tested when the first text is read or written.
    package static var isTrusted: Bool {
        let result = result.load(ordering: .relaxed)
        return result == 0 ? test() : result == 1
    }

    /// 0: not tested yet; 1: passed; 2: failed. A lazily computed constant would cost a call per read; this one is
    /// initialized by the compiler, and reading it is one instruction.
    private static let result = Atomic<UInt8>(0)

    @inline(never) private static func test() -> Bool {
        let isPassed = samples.allSatisfy(agrees)
        result.store(isPassed ? 1 : 2, ordering: .relaxed)
        return isPassed
    }

    /// ASCII texts of every length from 0 to beyond two words, and texts that are not ASCII.
    private static var samples: [String] {
        let long = "0123456789 abcdefghij"
        return (0...long.utf8.count).map { String(long.prefix($0)) }
            + ["\0", "é", "naïve", "日本語", "👩‍👩‍👧‍👦 and more", "\u{7f}"]
    }

    /// Whether the words and the bytes of a string match, in both directions.
    private static func agrees(_ text: String) -> Bool {
        guard MemoryLayout<String>.size == 16 else { return false }
        var text = text
        return text.withUTF8 { utf8 in
            let (bytes, made) = (UnsafeRawBufferPointer(utf8), String(decoding: utf8, as: UTF8.self))
            if let short = ShortText(made) {
                let isSame = withUnsafeBytes(of: short.words) { $0.prefix(short.count).elementsEqual(bytes) }
                guard isSame else { return false }
            }
            guard let built = ShortText(ascii: bytes) else { return true }
            return built.words == unsafeBitCast(made, to: (UInt64, UInt64).self)
        }
    }
}

extension ByteWriter {
    /// Appends the UTF-8 bytes of a text, without its length.
    public mutating func append(utf8 text: String) {
        if ShortText.isTrusted { append(trusted: text) } else { append(anyLength: text) }
    }

    /// Like `append(utf8:)`, if `ShortText.isTrusted`.
    @inline(__always) mutating func append(trusted text: String) {
        guard let short = ShortText(text) else { return append(anyLength: text) }
        let place = reserve(16)
        place.storeBytes(of: short.words.low, as: UInt64.self)
        place.storeBytes(of: short.words.high, toByteOffset: 8, as: UInt64.self)
        advance(by: short.count)
    }

    /// Like `append(utf8:)`, by the general path, for text of any length.
    package mutating func append(anyLength text: String) {
        // Native text is contiguous already; `withUTF8` would copy it.
        let isWritten: Void? = text.utf8.withContiguousStorageIfAvailable {
            append(contentsOf: UnsafeRawBufferPointer($0))
        }
        // Text that is not contiguous UTF-8: bridged strings on Apple's systems.
        if isWritten == nil { append(contentsOf: Array(text.utf8)) }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var isASCII: Bool {
        guard let base = baseAddress else { return true }
        let word = MemoryLayout<UInt64>.size
        var bits: UInt64 = 0
        if count >= word {
            // The last word overlaps the one before it.
            var position = 0
            while position < count - word {
                bits |= base.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                position += word
            }
            bits |= base.loadUnaligned(fromByteOffset: count - word, as: UInt64.self)
        } else if count >= 4 {
            bits = UInt64(
                base.loadUnaligned(as: UInt32.self) | base.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
        } else {
            for position in 0..<count { bits |= UInt64(base.load(fromByteOffset: position, as: UInt8.self)) }
        }
        return bits & 0x8080_8080_8080_8080 == 0
    }
}
