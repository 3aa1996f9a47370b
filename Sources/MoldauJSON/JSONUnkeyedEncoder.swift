/// Encodes the elements of an array.
struct JSONUnkeyedEncoder: UnkeyedEncodingContainer {
    let outline: JSONOutline
    let node: Int

    var codingPath: [any CodingKey] { outline.path(to: node) }
    var count: Int { outline[node].childCount }

    /// Adds an element and returns its encoder.
    @inline(__always)
    private func element() -> JSONValueEncoder {
        JSONValueEncoder(outline: outline, node: outline.addElement(to: node))
    }

    func encodeNil() { element().null() }
    func encode(_ value: Bool) { element().bool(value) }
    func encode(_ value: String) { element().string(value) }
    func encode(_ value: Double) throws { try element().number(value) }
    func encode(_ value: Float) throws { try element().number(value) }
    func encode(_ value: Int) { element().integer(value) }
    func encode(_ value: Int8) { element().integer(value) }
    func encode(_ value: Int16) { element().integer(value) }
    func encode(_ value: Int32) { element().integer(value) }
    func encode(_ value: Int64) { element().integer(value) }
    func encode(_ value: Int128) { element().integer(value) }
    func encode(_ value: UInt) { element().integer(value) }
    func encode(_ value: UInt8) { element().integer(value) }
    func encode(_ value: UInt16) { element().integer(value) }
    func encode(_ value: UInt32) { element().integer(value) }
    func encode(_ value: UInt64) { element().integer(value) }
    func encode(_ value: UInt128) { element().integer(value) }
    func encode<Value: Encodable>(_ value: Value) throws { try element().value(value) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        element().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { element().unkeyedContainer() }
    func superEncoder() -> any Encoder { element() }
}
