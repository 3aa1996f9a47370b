/// Encodes the fields of an object.
struct JSONKeyedEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let outline: JSONOutline
    let node: Int

    var codingPath: [any CodingKey] { outline.path(to: node) }

    /// Adds a field and returns its encoder.
    @inline(__always)
    private func field(_ key: some CodingKey) -> JSONValueEncoder {
        JSONValueEncoder(outline: outline, node: outline.addField(key, to: node))
    }

    func encodeNil(forKey key: Key) { field(key).null() }
    func encode(_ value: Bool, forKey key: Key) { field(key).bool(value) }
    func encode(_ value: String, forKey key: Key) { field(key).string(value) }
    func encode(_ value: Double, forKey key: Key) throws { try field(key).number(value) }
    func encode(_ value: Float, forKey key: Key) throws { try field(key).number(value) }
    func encode(_ value: Int, forKey key: Key) { field(key).integer(value) }
    func encode(_ value: Int8, forKey key: Key) { field(key).integer(value) }
    func encode(_ value: Int16, forKey key: Key) { field(key).integer(value) }
    func encode(_ value: Int32, forKey key: Key) { field(key).integer(value) }
    func encode(_ value: Int64, forKey key: Key) { field(key).integer(value) }
    func encode(_ value: Int128, forKey key: Key) { field(key).integer(value) }
    func encode(_ value: UInt, forKey key: Key) { field(key).integer(value) }
    func encode(_ value: UInt8, forKey key: Key) { field(key).integer(value) }
    func encode(_ value: UInt16, forKey key: Key) { field(key).integer(value) }
    func encode(_ value: UInt32, forKey key: Key) { field(key).integer(value) }
    func encode(_ value: UInt64, forKey key: Key) { field(key).integer(value) }
    func encode(_ value: UInt128, forKey key: Key) { field(key).integer(value) }
    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { try field(key).value(value) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        field(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { field(key).unkeyedContainer() }
    func superEncoder() -> any Encoder { field(JSONKey.super) }
    func superEncoder(forKey key: Key) -> any Encoder { field(key) }
}
