import Foundation
import MoldauRecords
import Testing

/// Short text is read and written as the two words of a `String` if the layout of strings is known. The result is the
/// same either way.
struct TextBytesTests {
    private static let texts: [String] =
        (0...40).map { String("The quick brown fox jumps over the lazy dog".prefix($0)) } + [
            "\0", "a\0b", "\u{7f}", "é", "naïve", "äöüß", "日本語", "0123456789abcdé", "👩‍👩‍👧‍👦", "e\u{301}",
            String(repeating: "x", count: 10_000), String(repeating: "ü", count: 10_000),
        ]

    /// Text of every origin: literals, parts of longer text, appended text, and Foundation's.
    private static func forms(_ text: String) -> [String] {
        var grown = ""
        grown.reserveCapacity(100)
        for character in text { grown.append(character) }
        return [
            text, grown, String(decoding: Array(text.utf8), as: UTF8.self), String(("before " + text).dropFirst(7)),
            NSString(string: text).appending(""),
        ]
    }

    @Test func `the memory layout of strings is the expected one`() {
        // If it is not, all text takes the ordinary path, which costs a tenth of a word count's time.
        #expect(ShortText.isTrusted)
    }

    @Test(arguments: texts)
    func `text is read equally by both paths`(text: String) throws {
        let bytes = Array(text.utf8)
        let (fast, ordinary) = bytes.withUnsafeBytes { (String(utf8: $0), String(anyLength: $0)) }
        let read = try #require(fast)
        #expect(read == text && ordinary == text)
        #expect(Array(read.utf8) == bytes && read.hashValue == text.hashValue && read.count == text.count)
        // It can be changed and appended to like any other.
        #expect(read + " and so on" == text + " and so on")
    }

    @Test(arguments: texts)
    func `text is written equally by both paths`(text: String) {
        for form in Self.forms(text) {
            var fast = ByteWriter(capacity: 1)
            var ordinary = ByteWriter(capacity: 1)
            fast.append(utf8: form)
            ordinary.append(anyLength: form)
            #expect(Array(fast.bytes) == Array(text.utf8) && Array(ordinary.bytes) == Array(text.utf8))
        }
    }

    @Test(
        arguments: [[0xff], [0xc3], [0x61, 0x80], [0xed, 0xa0, 0x80], Array(repeating: 0xfe, count: 20)] as [[UInt8]])
    func `bytes that are not UTF-8 are rejected by both paths`(bytes: [UInt8]) {
        bytes.withUnsafeBytes {
            #expect(String(utf8: $0) == nil && String(anyLength: $0) == nil)
        }
    }
}
