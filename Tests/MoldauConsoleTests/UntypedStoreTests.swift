import Foundation
import Moldau
import MoldauRecords
import MoldauRuntime
import MoldauState
import Testing

@testable import MoldauConsole

/// Keys that are read from text, and rows that are shown as JSON.
struct UntypedStoreTests {
    private struct Place: Codable { var city: String }
    private struct Opaque: CustomStringConvertible { var description: String { "opaque" } }

    @Test func `values are shown as JSON according to their types`() {
        let cases: [(Any, String)] = [
            ("a\"\\\u{1}<b>é", "\"a\\\"\\\\\\u0001<b>é\""), (Int8(-3), "-3"), (UInt64.max, "18446744073709551615"),
            (0.1, "0.1"), (1e300, "1e+300"), (Double.nan, "\"nan\""), (-Float.infinity, "\"-inf\""), (true, "true"),
            (Array("text".utf8), "\"text\""), ([0xFF, 0] as [UInt8], "{\"hex\":\"ff00\"}"),
            (Data([0xFE]), "{\"hex\":\"fe\"}"), (String?.none as Any, "null"), (String?.some("a") as Any, "\"a\""),
            (
                UUID(uuidString: "0BADC0DE-0000-4000-8000-000000000001") as Any,
                "\"0badc0de-0000-4000-8000-000000000001\""
            ),
            (Place(city: "Prag"), "{\"city\":\"Prag\"}"), ([1, 2], "[1,2]"), (Opaque(), "\"opaque\""), ((), "null"),
            (
                Windowed("a", in: Window(start: Timestamp(ms: 1), end: Timestamp(ms: 2))),
                "{\"key\":\"a\",\"start\":1,\"end\":2}"
            ),
        ]
        for (value, text) in cases { #expect(JSONValue(showing: value).text == text) }
    }

    @Test func `keys are read from Swift's text, JSON or hexadecimal bytes`() throws {
        func bytes<Key>(_ text: String, _ serde: Serde<Key>) throws -> [UInt8] {
            try KeyText(text).bytes(by: serde, store: "store")
        }
        #expect(try bytes("é", String.serde) == Array("é".utf8))
        #expect(try bytes("{\"hex\":\"00\"}", String.serde) == Array("{\"hex\":\"00\"}".utf8))
        #expect(try bytes("-2", Int16.serde) == [0xFF, 0xFE])
        #expect(try bytes("{\"hex\": \"FFFE\"}", Int16.serde) == [0xFF, 0xFE])
        #expect(try bytes("true", Bool.serde) == [1])
        #expect(try bytes("ab", [UInt8].serde) == [0x61, 0x62])
        #expect(try bytes("{\"hex\":\"00ff\"}", Data.serde) == [0, 0xFF])
        #expect(try bytes("{\"city\":\"Prag\"}", Serde<Place>.json) == Array("{\"city\":\"Prag\"}".utf8))
        #expect(try bytes("[1,2]", Serde<[Int]>.json) == Array("[1,2]".utf8))
        let uuid = "0badc0de-0000-4000-8000-000000000001"
        #expect(try bytes(uuid, UUID.serde) == Array(uuid.utf8))
        for text in ["many", "70000", "1.5", "", "{\"hex\":\"00\"}", "{\"hex\":\"0\"}"] {
            #expect(throws: (any Error).self, "\(text)") { try bytes(text, Int16.serde) }
        }
        #expect(throws: QueryError.unreadableKey("x", store: "store", type: "Place")) {
            try bytes("x", Serde<Place>.json)
        }
    }

    @Test func `a store whose changelog does not have changes of single rows cannot be followed`() async throws {
        try await ConsoleFixture.run { fixture in
            let stores = fixture.app.engine.topology.stores.map(\.name)
            let buffer = try #require(stores.first { $0.hasPrefix("pairs") })
            let reader = try UntypedReader(buffer, of: fixture.app.engine)
            let error = await #expect(throws: QueryError.self) { _ = try await reader.changes(from: .now) }
            #expect("\(try #require(error))".contains("only the changes of tables, windows and sessions"))
        }
    }
}
