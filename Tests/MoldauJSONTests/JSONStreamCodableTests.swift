import MoldauJSON
import MoldauRecords
import Testing

struct JSONStreamCodableTests {
    struct Point: JSONStreamCodable, Equatable {
        var y: Int
        var x: Int
        var name: String?
    }

    @Test func `a value is encoded as JSON with sorted keys, and can be decoded`() throws {
        let point = Point(y: 2, x: -1, name: "a/b")
        #expect(try Point.serde.text(point) == #"{"name":"a/b","x":-1,"y":2}"#)
        #expect(try Point.serde.value(Point.serde.text(point)) == point)
    }

    @Test func `encoding appends to what the writer holds`() throws {
        var writer = ByteWriter()
        for number in 0..<2 { try Point.serde.encode(Point(y: number, x: 0), &writer) }
        #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"x":0,"y":0}{"x":0,"y":1}"#)
    }

    @Test(arguments: [
        (#""#, "the text ends too early (byte 0)"),
        (#"{"x":1"#, "expected ',' or '}' (byte 6)"),
        (#"{"x":tru}"#, "expected a value (byte 5)"),
        (#"{"x":1,"y":2,"name":"a"#, "unterminated string (byte 22)"),
        (#"[]"#, "expected an object, found an array (byte 0)"),
        (#"{"x":1}"#, "y: there is no such key (byte 0)"),
        (#"{"x":1,"y":"2"}"#, "y: expected Int, found a string (byte 12)"),
        (#"{"x":1.5,"y":2}"#, "x: 1.5 does not fit Int (byte 5)"),
        (#"{"x":1,"y":null}"#, "y: expected Int, found null (byte 11)"),
    ])
    func `bytes that are not such a value are rejected with their position`(text: String, reason: String) {
        #expect(throws: SerdeError.malformed(type: "Point", reason: reason)) { try Point.serde.value(text) }
    }

    @Test func `an error has the path of the invalid value`() {
        let text = #"{"a":[{"x":1,"y":2},{"x":1,"y":true}]}"#
        let error = #expect(throws: SerdeError.self) { try Serde<[String: [Point]]>.json.value(text) }
        #expect("\(error!)".hasSuffix("a[1].y: expected Int, found a Bool (byte 31)"))
    }

    @Test func `a number that JSON cannot represent is an error with its path`() {
        let error = #expect(throws: SerdeError.self) { try Serde<[String: [Double]]>.json.text(["a": [1, .nan]]) }
        #expect("\(error!)".hasSuffix("a[1]: JSON cannot represent nan"))
    }
}
