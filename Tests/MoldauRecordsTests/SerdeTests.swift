import MoldauRecords
import Testing

struct SerdeTests {
    @Test func `a null where none is expected is an error that says what to do`() {
        #expect(throws: SerdeError.nullNotExpected(type: "String")) { try String.serde.decodeNull() }
        #expect(throws: Never.self) { try String?.serde.decodeNull() }
    }
}
