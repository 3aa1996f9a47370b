// The identity of a topic, as in Kafka: a UUID of 16 bytes, written as 22 characters of base64 with '-' and '_',
// without padding (RFC 4648, section 5).

/// Distinguishes topics of the same name: a topic that is deleted and created again gets a new id.
public struct TopicID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The first eight bytes.
    package let high: UInt64
    /// The last eight.
    package let low: UInt64

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let textCount = 22

    /// An id from its two halves.
    package init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

    /// Kafka's reserved id for no topic.
    package static let zero = TopicID(high: 0, low: 0)

    /// A new random id. It is never one of Kafka's two reserved ids and never begins with '-', which Kafka's tools
    /// would take for an option.
    package static func random(using generator: inout some RandomNumberGenerator) -> TopicID {
        while true {
            // Version 4, variant 1 (RFC 9562): 122 random bits.
            let high = generator.next() & 0xffff_ffff_ffff_0fff | 0x4000
            let low = generator.next() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
            let id = TopicID(high: high, low: low)
            if !id.description.hasPrefix("-") { return id }
        }
    }

    /// Parses what `description` writes; nil for other text, and for Kafka's id of no topic, all zeros.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == Self.textCount else { return nil }
        // 22 characters carry 132 bits; the last four are 0.
        var (bits, rest): (UInt128, UInt8) = (0, 0)
        for (place, character) in text.utf8.enumerated() {
            guard let digit = Self.alphabet.firstIndex(of: character) else { return nil }
            if place < Self.textCount - 1 {
                bits = bits << 6 | UInt128(digit)
            } else {
                bits = bits << 2 | UInt128(digit >> 4)
                rest = UInt8(digit & 15)
            }
        }
        guard rest == 0, bits != 0 else { return nil }
        self.init(high: UInt64(truncatingIfNeeded: bits >> 64), low: UInt64(truncatingIfNeeded: bits))
    }

    /// The id as Kafka and its tools write it.
    public var description: String {
        let bits = UInt128(high) << 64 | UInt128(low)
        var characters = (0..<(Self.textCount - 1)).map { place in
            Self.alphabet[Int(truncatingIfNeeded: bits >> (122 - 6 * place) & 63)]
        }
        characters.append(Self.alphabet[Int(truncatingIfNeeded: bits << 4 & 63)])
        return String(decoding: characters, as: UTF8.self)
    }

    /// The id as RFC 9562 writes UUIDs: 8-4-4-4-12 hexadecimal digits.
    package var uuid: String {
        let hex = [high, low].map {
            String(repeating: "0", count: 16 - String($0, radix: 16).count) + String($0, radix: 16)
        }
        let digits = Array(hex.joined())
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
    }

    public static func < (left: TopicID, right: TopicID) -> Bool { (left.high, left.low) < (right.high, right.low) }
}
