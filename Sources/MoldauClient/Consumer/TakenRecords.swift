public import MoldauRecords
internal import MoldauWire

/// Fetched records on their way to the caller of `poll`.
@usableFromInline struct TakenRecords {
    let chunk: FetchedChunk
    /// Reads the chunk from `position` on; this keeps the chunk alive.
    @usableFromInline var reader: RecordBatchReader
    /// The offset of the next record to read.
    @usableFromInline var position: Offset

    init(_ chunk: FetchedChunk) {
        self.chunk = chunk
        reader = chunk.reader
        position = chunk.from
    }

    @usableFromInline var partition: TopicPartition { chunk.partition }

    /// A rough estimate of the number of records, at most `limit`.
    @usableFromInline func countEstimate(atMost limit: Int) -> Int { min(limit, chunk.bytes.count / 64 + 1) }

    /// The offset after all records.
    @usableFromInline var end: Offset { chunk.next }

    /// The remaining records; nil if there are none.
    /// - Parameter isBroken: whether decoding of the record at `position` has already begun.
    func rest(isBroken: Bool) -> FetchedChunk? {
        position < chunk.next ? chunk.rest(from: position, isBroken ? nil : reader) : nil
    }
}
