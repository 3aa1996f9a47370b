public import MoldauRecords
internal import MoldauWire

/// A record that was read from a topic.
public struct ConsumerRecord<Key, Value> {
    /// Its partition.
    public let partition: TopicPartition
    /// Its offset.
    public let offset: Offset
    /// Its timestamp: the producer's, or the broker's if the topic is configured so.
    public let timestamp: Timestamp
    /// The key.
    public let key: Key
    /// The value.
    public let value: Value
    /// The headers, in the order in which they were added.
    public let headers: Headers

    /// Takes the parts: an initializer with the topic as its parameter would copy that for each record.
    @inlinable init(
        _ record: RecordView, of partition: TopicPartition, key: Key, value: Value, headers: Headers
    ) {
        self.partition = partition
        offset = record.offset
        timestamp = record.timestamp
        self.headers = headers
        self.key = key
        self.value = value
    }
}

extension ConsumerRecord: Sendable where Key: Sendable, Value: Sendable {}
extension ConsumerRecord: Equatable where Key: Equatable, Value: Equatable {}

/// Consecutive records of one partition, as the whole batches stored by the broker: the fast way to read many.
public struct ConsumerBatch: Sendable {
    let chunk: FetchedChunk

    /// Their partition.
    public var partition: TopicPartition { chunk.partition }
    /// The size of the batches in bytes, as they are in the log.
    public var byteCount: Int { chunk.bytes.count }
    /// The position after them.
    public var nextOffset: Offset { chunk.next }

    /// Calls `body` with each record. The record's bytes are valid only during the call. Allocates nothing for a record
    /// without headers.
    /// - Throws: `RecordBatchError`; what `body` throws.
    @inlinable public func forEach(_ body: (RecordView) throws -> Void) throws {
        try withReader { reader in
            while let record = try reader.next() { try body(record) }
        }
    }

    /// Calls `body` with a reader of the records, which is valid only during the call.
    @usableFromInline func withReader(_ body: (inout RecordBatchReader) throws -> Void) throws {
        var reader = chunk.reader
        try withExtendedLifetime(chunk) { try body(&reader) }
    }
}
