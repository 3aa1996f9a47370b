import MoldauRecords

/// A value with the timestamp of its event.
public struct ValueAndTimestamp<Value> {
    /// The value.
    public var value: Value
    /// The time of the event.
    public var timestamp: Timestamp

    /// A value with its timestamp.
    @inlinable public init(_ value: Value, at timestamp: Timestamp) {
        self.value = value
        self.timestamp = timestamp
    }
}

extension ValueAndTimestamp: Equatable where Value: Equatable {}
extension ValueAndTimestamp: Hashable where Value: Hashable {}
extension ValueAndTimestamp: Sendable where Value: Sendable {}

extension ValueAndTimestamp {
    /// Eight bytes of timestamp, big-endian, then the value: the format of Kafka Streams' timestamped stores.
    @inlinable public static func serde(of value: Serde<Value>) -> Serde<ValueAndTimestamp> {
        value.lifted { value in
            let (encode, decode) = (value.encode, value.decode)
            return Serde(
                encode: { row, writer in
                    writer.append(bigEndian: row.timestamp.ms)
                    try encode(row.value, &writer)
                },
                decode: { bytes in
                    try bytes.withUnsafeBytes { row in
                        guard let (time, value) = splitTime(row) else {
                            throw SerdeError.wrongRow(of: Value.self, got: row.count)
                        }
                        return ValueAndTimestamp(try decode(value.bytes), at: time)
                    }
                },
                null: value.null.map { null in
                    .init(isNull: { null.isNull($0.value) }, make: { ValueAndTimestamp(null.make(), at: .none) })
                })
        }
    }
}

extension ByteWriter {
    /// Replaces the writer's content by a value with its timestamp before it. Valid until the next write.
    /// - Returns: nil if there is no value.
    mutating func row(_ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp) -> UnsafeRawBufferPointer? {
        guard let value else { return nil }
        removeAll()
        append(bigEndian: timestamp.ms)
        append(contentsOf: value)
        return bytes
    }
}

extension CachedByteStore {
    /// Like `drainChanges`, for values that begin with their timestamp.
    func drainRows(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws {
        try drainChanges { key, row in
            guard let row else { return try body(key, nil, nil) }
            let (timestamp, value) = try splitTime(row, of: name)
            try body(key, value, timestamp)
        }
    }
}

extension SerdeError {
    @usableFromInline static func wrongRow<Value>(of type: Value.Type, got count: Int) -> SerdeError {
        .wrongLength(type: "a timestamp before \(type)", expected: timestampBytes, got: count)
    }
}
