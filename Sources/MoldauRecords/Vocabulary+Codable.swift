extension Offset: Codable {
    /// The value that was encoded as its number alone.
    public init(from decoder: any Decoder) throws { self.init(try Int64(from: decoder)) }
    public func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

extension Timestamp: Codable {
    /// The value that was encoded as its number alone.
    public init(from decoder: any Decoder) throws { self.init(ms: try Int64(from: decoder)) }
    public func encode(to encoder: any Encoder) throws { try ms.encode(to: encoder) }
}

extension Partition: Codable {
    /// The value that was encoded as its number alone.
    public init(from decoder: any Decoder) throws { self.init(try Int32(from: decoder)) }
    public func encode(to encoder: any Encoder) throws { try number.encode(to: encoder) }
}
