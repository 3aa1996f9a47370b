public import MoldauRecords
internal import MoldauWire

/// Records that were fetched, on their way to whoever polls.
@usableFromInline struct TakenRecords {
    let chunk: FetchedChunk
    /// Reads the chunk, which this keeps alive, from `position` on.
    @usableFromInline var reader: RecordBatchReader
    /// Of the record that is read next.
    @usableFromInline var position: Offset

    init(_ chunk: FetchedChunk) {
        self.chunk = chunk
        reader = chunk.reader
        position = chunk.from
    }

    @usableFromInline var partition: TopicPartition { chunk.partition }

    /// About how many records there are, at most `limit`.
    @usableFromInline func countEstimate(atMost limit: Int) -> Int { min(limit, chunk.bytes.count / 64 + 1) }

    /// Behind all records.
    @usableFromInline var end: Offset { chunk.next }

    /// What is left; nil if that is nothing.
    /// - Parameter isBroken: whether the record at `position` has been begun already.
    func rest(isBroken: Bool) -> FetchedChunk? {
        position < chunk.next ? chunk.rest(from: position, isBroken ? nil : reader) : nil
    }
}
