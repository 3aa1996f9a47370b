/// MurmurHash3, 128 bits, x64 variant: Kafka Streams' hash of a row in foreign-key joins.
package struct Hash128: Hashable, Sendable {
    /// The first eight bytes.
    package let high: UInt64
    /// The last eight bytes.
    package let low: UInt64

    /// A hash from its two halves.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

extension Hash128 {
    private static let factors: (UInt64, UInt64) = (0x87c3_7b91_1142_53d5, 0x4cf5_ad43_2745_937f)

    /// Hashes bytes with Kafka Streams' seed.
    package init(murmur3Of bytes: UnsafeRawBufferPointer) {
        let seed: UInt64 = 104_729
        var (high, low) = (seed, seed)
        var position = 0
        while position + 16 <= bytes.count {
            high ^= Self.scrambledHigh(Self.word(bytes, position, 8))
            high = (Self.rotated(high, 27) &+ low) &* 5 &+ 0x52dc_e729
            low ^= Self.scrambledLow(Self.word(bytes, position + 8, 8))
            low = (Self.rotated(low, 31) &+ high) &* 5 &+ 0x3849_5ab5
            position += 16
        }
        let left = bytes.count - position
        if left > 8 { low ^= Self.scrambledLow(Self.word(bytes, position + 8, left - 8)) }
        if left > 0 { high ^= Self.scrambledHigh(Self.word(bytes, position, min(left, 8))) }
        high ^= UInt64(bytes.count)
        low ^= UInt64(bytes.count)
        high &+= low
        low &+= high
        high = Self.finished(high)
        low = Self.finished(low)
        high &+= low
        self.init(high: high, low: low &+ high)
    }

    /// Up to eight bytes as a little-endian number.
    private static func word(_ bytes: UnsafeRawBufferPointer, _ position: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(bytes[position + $1]) << UInt64(8 * $1) }
    }

    private static func rotated(_ word: UInt64, _ count: UInt64) -> UInt64 { word << count | word >> (64 - count) }

    private static func scrambledHigh(_ word: UInt64) -> UInt64 { rotated(word &* factors.0, 31) &* factors.1 }

    private static func scrambledLow(_ word: UInt64) -> UInt64 { rotated(word &* factors.1, 33) &* factors.0 }

    private static func finished(_ word: UInt64) -> UInt64 {
        var word = word
        word = (word ^ word >> 33) &* 0xff51_afd7_ed55_8ccd
        word = (word ^ word >> 33) &* 0xc4ce_b9fe_1a85_ec53
        return word ^ word >> 33
    }
}
