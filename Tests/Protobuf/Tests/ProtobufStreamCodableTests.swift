import MoldauProtobuf
import SwiftProtobuf
import Testing

// A message type of the library stands in for a generated one.
extension Google_Protobuf_Timestamp: @retroactive StreamCodable, @retroactive ProtobufStreamCodable {}

struct ProtobufStreamCodableTests {
    private let time = Google_Protobuf_Timestamp.with {
        $0.seconds = 150
        $0.nanos = 1
    }

    private func bytes<Value>(_ value: Value, _ serde: Serde<Value>) throws -> [UInt8] {
        var writer = ByteWriter()
        try serde.encode(value, &writer)
        return Array(writer.bytes)
    }

    @Test func `a message is its binary form`() throws {
        let topic = Topic<String, Google_Protobuf_Timestamp>("times")
        let form: [UInt8] = [0x08, 0x96, 0x01, 0x10, 0x01]
        #expect(try bytes(time, topic.value) == form)
        #expect(try topic.value.decode(form.span.bytes) == time)
    }

    @Test func `a message without fields is no bytes, and not null`() throws {
        let serde = Google_Protobuf_Timestamp.serde
        #expect(try bytes(Google_Protobuf_Timestamp(), serde) == [])
        #expect(!serde.isNull(Google_Protobuf_Timestamp()))
        #expect(try serde.decode([UInt8]().span.bytes) == Google_Protobuf_Timestamp())
        #expect(serde.optional.isNull(nil))
    }

    @Test func `unknown fields are kept`() throws {
        let newer: [UInt8] = [0x08, 0x05, 0x1a, 0x01, 0x41]
        let serde = Google_Protobuf_Timestamp.serde
        #expect(try bytes(serde.decode(newer.span.bytes), serde) == newer)
    }

    @Test func `equal maps have equal bytes`() throws {
        let serde = Serde<Google_Protobuf_Struct>.protobuf
        let names = (0..<50).map { "field \($0)" }
        let one = Google_Protobuf_Struct(fields: Dictionary(uniqueKeysWithValues: names.map { ($0, 1) }))
        let other = Google_Protobuf_Struct(fields: Dictionary(uniqueKeysWithValues: names.reversed().map { ($0, 1) }))
        #expect(try bytes(one, serde) == bytes(other, serde))
    }

    @Test(
        arguments: [[0x08], [0x08, 0xff], [0x1a, 0x7f, 0x01], [0x00], [0xff, 0xff, 0xff, 0xff, 0xff]] as [[UInt8]])
    func `bytes that are no such message are refused`(bytes: [UInt8]) {
        #expect(throws: SerdeError.self) { try Google_Protobuf_Timestamp.serde.decode(bytes.span.bytes) }
    }
}
