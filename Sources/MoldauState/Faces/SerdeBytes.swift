import MoldauRecords

extension Serde {
    /// Decodes bytes that a store holds. A function of its own: made of a property of another object, the span crashes
    /// the optimiser of Swift 6.3.
    @inlinable func decode(_ bytes: UnsafeRawBufferPointer) throws -> Value { try decode(bytes.bytes) }
}
