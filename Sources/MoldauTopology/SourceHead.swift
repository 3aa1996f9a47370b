import MoldauRecords

/// The oldest unprocessed record of one input partition: decoded when it becomes the head, processed when its turn comes.
public protocol SourceHead: AnyObject {
    /// Decodes a record and tells its time.
    /// - Parameter partitionTime: the greatest time seen in the partition before this record.
    /// - Throws: `SerdeError` and what the timestamp extractor throws.
    func load(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, timestamp: Timestamp, headers: Headers,
        partitionTime: Timestamp
    ) throws -> Timestamp
    /// Sends the loaded record into the sub-topology.
    func process() throws
}

/// Tells the time of a record: its own by default.
public typealias TimestampExtractor<Key, Value> =
    @Sendable (_ record: Record<Key, Value>, _ partitionTime: Timestamp) throws -> Timestamp

/// A source's head with its types.
public final class TypedSourceHead<Key, Value>: SourceHead {
    private let decodeKey: Serde<Key>
    private let decodeValue: Serde<Value>
    private let extract: TimestampExtractor<Key, Value>?
    private let receive: Inlet<Key, Value>.Receive
    private var head: Record<Key, Value>?

    public init(
        key: Serde<Key>, value: Serde<Value>, timestamps: TimestampExtractor<Key, Value>?, next: Inlet<Key, Value>
    ) {
        decodeKey = key
        decodeValue = value
        extract = timestamps
        receive = next.receive
    }

    public func load(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, timestamp: Timestamp, headers: Headers,
        partitionTime: Timestamp
    ) throws -> Timestamp {
        var record = Record(
            key: try decodeKey.read(key), value: try decodeValue.read(value), timestamp: timestamp, headers: headers)
        if let extract { record.timestamp = try extract(record, partitionTime) }
        head = record
        return record.timestamp
    }

    public func process() throws {
        guard let record = head.take() else { preconditionFailure("a head is processed once, after it was loaded") }
        try receive(record)
    }
}

extension Serde {
    /// Reads bytes, or a null where there are none.
    @inlinable public func read(_ bytes: UnsafeRawBufferPointer?) throws -> Value {
        guard let bytes else { return try decodeNull() }
        return try decode(bytes.bytes)
    }
}
