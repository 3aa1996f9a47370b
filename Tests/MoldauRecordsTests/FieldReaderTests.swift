import MoldauRecords
import Testing

struct FieldReaderTests {
    private func reading(_ bytes: [UInt8], _ body: (inout FieldReader) throws -> Void) throws {
        try bytes.withUnsafeBytes { buffer in
            var reader = FieldReader(buffer, of: "test")
            try body(&reader)
        }
    }

    @Test func `everything that was written can be read`() throws {
        var headers = Headers()
        headers.append(Header("trace", [1, 2]))
        headers.append(Header("", nil))
        var writer = ByteWriter()
        writer.append(shortText: "kurz")
        writer.append(text: "länger")
        writer.append(sized: [3, 4] as [UInt8])
        writer.append(sized: nil as [UInt8]?)
        writer.append(sized: headers)
        writer.append(varint: -7)
        writer.append(unsignedVarint: 300)
        try reading(Array(writer.bytes)) { reader in
            let (short, long) = (try reader.shortText(), try reader.text())
            #expect((short, long) == ("kurz", "länger"))
            let (bytes, none) = (try reader.sizedBytes().map { Array($0) }, try reader.sizedBytes())
            #expect(bytes == [3, 4] && none == nil)
            let read = try reader.headers()
            #expect(read == headers)
            let numbers = (try reader.varint(), try reader.unsignedVarint())
            #expect(numbers == (-7, 300))
            #expect(reader.rest.isEmpty)
        }
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let read: @Sendable (inout FieldReader) throws -> Void

        init(_ name: String, _ bytes: [UInt8], _ read: @escaping @Sendable (inout FieldReader) throws -> Void) {
            (testDescription, self.bytes, self.read) = (name, bytes, read)
        }
    }

    @Test(arguments: [
        Damage("a number that is cut off", [0, 0, 0]) { _ = try $0.number(Int32.self) },
        Damage("a last number that is cut off", [0]) { _ = try $0.lastNumber() as Int16 },
        Damage("a text longer than the remaining bytes", [0, 9, 65]) { _ = try $0.shortText() },
        Damage("a text of negative length", [0xff, 0xff]) { _ = try $0.shortText() },
        Damage("a text that is null", [0xff, 0xff, 0xff, 0xff]) { _ = try $0.text() },
        Damage("a text that is not UTF-8", [0, 1, 0xff]) { _ = try $0.shortText() },
        Damage("bytes of a length below −1", [0xff, 0xff, 0xff, 0xfe]) { _ = try $0.sizedBytes() },
        Damage("more headers than fit", [0x7f, 0xff, 0xff, 0xff]) { _ = try $0.headers() },
        Damage("a varint without an end", [0x80, 0x80]) { _ = try $0.unsignedVarint() },
        Damage("a varint of more than 32 bits", [0xff, 0xff, 0xff, 0xff, 0x1f]) { _ = try $0.unsignedVarint() },
        Damage("a compact text that is null", [0]) { _ = try $0.compactText() },
        Damage("more tagged fields than present", [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]) { try $0.skipTaggedFields() },
    ])
    func `truncated and inconsistent bytes are rejected`(damage: Damage) {
        #expect(throws: SerdeError.self) { try reading(damage.bytes) { try damage.read(&$0) } }
    }
}
