import MoldauRecords

extension Serde {
    /// Decodes bytes that a store holds. A separate function because a span made from another object's property crashes
    /// the optimiser of Swift 6.3.
    @inlinable func decode(_ bytes: UnsafeRawBufferPointer) throws -> Value { try decode(bytes.bytes) }
}
