extension Offset: Codable {
    /// Decodes a value that was encoded as a bare number.
    public init(from decoder: any Decoder) throws { self.init(try Int64(from: decoder)) }
    public func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

extension Timestamp: Codable {
    /// Decodes a value that was encoded as a bare number.
    public init(from decoder: any Decoder) throws { self.init(ms: try Int64(from: decoder)) }
    public func encode(to encoder: any Encoder) throws { try ms.encode(to: encoder) }
}

extension Partition: Codable {
    /// Decodes a value that was encoded as a bare number.
    public init(from decoder: any Decoder) throws { self.init(try Int32(from: decoder)) }
    public func encode(to encoder: any Encoder) throws { try number.encode(to: encoder) }
}
