public import MoldauRecords
internal import MoldauWire

/// A record that was read.
public struct ConsumerRecord<Key, Value> {
    /// Where it was read.
    public let partition: TopicPartition
    /// Its place there.
    public let offset: Offset
    /// Its time: the producer's, or the broker's where the topic has it so.
    public let timestamp: Timestamp
    /// The key.
    public let key: Key
    /// The value.
    public let value: Value
    /// The headers, in the order in which they were added.
    public let headers: Headers

    /// From its parts: an initializer that was given the topic would be given a copy of it, for each record.
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

/// Records of one partition as the broker has them, in whole batches: the fast way to read many.
public struct ConsumerBatch: Sendable {
    let chunk: FetchedChunk

    /// Where they were read.
    public var partition: TopicPartition { chunk.partition }
    /// How many bytes the batches take, as they are in the log.
    public var byteCount: Int { chunk.bytes.count }
    /// The position behind them.
    public var nextOffset: Offset { chunk.next }

    /// Calls `body` with each record. Its bytes are valid during the call only. Nothing is allocated for a record
    /// without headers.
    /// - Throws: `RecordBatchError`; what `body` throws.
    @inlinable public func forEach(_ body: (RecordView) throws -> Void) throws {
        try withReader { reader in
            while let record = try reader.next() { try body(record) }
        }
    }

    /// Calls `body` with a reader of the records, which is valid during the call only.
    @usableFromInline func withReader(_ body: (inout RecordBatchReader) throws -> Void) throws {
        var reader = chunk.reader
        try withExtendedLifetime(chunk) { try body(&reader) }
    }
}
