import MoldauJSON
import MoldauRecords
import Testing

struct JSONStreamCodableTests {
    struct Point: JSONStreamCodable, Equatable {
        var y: Int
        var x: Int
        var name: String?
    }

    private func encoded(_ point: Point) throws -> String {
        var writer = ByteWriter()
        try Point.serde.encode(point, &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private func decoded(_ text: String) throws -> Point {
        try Array(text.utf8).withUnsafeBytes { try Point.serde.decode(RawSpan(_unsafeBytes: $0)) }
    }

    @Test func `writes JSON with sorted keys, and reads it back`() throws {
        let point = Point(y: 2, x: -1, name: "a/b")
        #expect(try encoded(point) == #"{"name":"a/b","x":-1,"y":2}"#)
        #expect(try decoded(try encoded(point)) == point)
    }

    @Test(arguments: ["", "{", "{\"x\":1}", "[]"])
    func `refuses bytes that are no such value`(text: String) {
        #expect(throws: SerdeError.self) { try decoded(text) }
    }
}
