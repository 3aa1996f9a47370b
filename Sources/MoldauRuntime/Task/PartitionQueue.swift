import MoldauCluster
import MoldauRecords
import MoldauTopology

/// The waiting records of one input partition: fetched batches, and the decoded head.
///
/// A record is a view into its batch. It is decoded when it becomes the head. A record that cannot be decoded, or has
/// no usable timestamp, never becomes the head: the handler is called, the drop is counted, and the queue moves on.
package final class PartitionQueue {
    package let partition: TopicPartition
    /// The source node.
    package let node: String
    /// The time of the head. Only meaningful while the queue is not empty.
    package var headTime: Timestamp { walk.pointee.headTime }
    /// The greatest time of the records taken from this partition.
    package var partitionTime: Timestamp { progress.pointee.partitionTime }
    /// Bytes of the batches in memory; a batch counts until its last record is processed.
    @exclusivity(unchecked) package private(set) var bufferedBytes = 0
    /// The offset after the last readable record, as of the last fetch; nil if unknown.
    package private(set) var end: Offset?
    /// Where reading started; nil before that.
    private(set) var start: Offset?
    /// When reading started or records last arrived, by the wall clock.
    private(set) var lastNews = Timestamp.none
    /// The record that waits or is being processed, as a view into its batch.
    package var head: RecordView? { progress.pointee.head?.pointee }
    package var headOffset: Offset? { progress.pointee.head?.pointee.offset }

    /// The fields that change with every record.
    private struct Walk {
        var reader = RecordBatchReader(UnsafeRawBufferPointer(start: nil, count: 0))
        /// How many records were read ahead, and how many of them were taken.
        var aheadCount = 0
        var takenCount = 0
        /// Why nothing can be read after the records that were read ahead.
        var failure: RecordBatchError?
        var headTime = Timestamp.none
    }

    /// Behind a pointer: each change of a class's own variable costs an exclusivity check.
    private let walk: UnsafeMutablePointer<Walk>
    /// The head is in `ahead`.
    private let progress: UnsafeMutablePointer<SourceProgress>
    /// The head and the records after it, so that nodes know which keys come next.
    private let ahead: UnsafeMutablePointer<RecordView>
    private static let lookahead = 16
    private let source: any SourceHead
    private let context: TaskContext
    private let outbox: Outbox
    private let traces: TaskTraces?
    private let onFailure: @Sendable (DeserializationFailure) -> ProcessingResponse

    @exclusivity(unchecked) private var waiting: [FetchedBatches] = []
    /// Keeps the bytes alive that `walk` refers to.
    @exclusivity(unchecked) private var current: FetchedBatches?

    package init(
        partition: TopicPartition, node: String, source: any SourceHead, context: TaskContext, outbox: Outbox,
        onFailure: @escaping @Sendable (DeserializationFailure) -> ProcessingResponse
    ) {
        self.partition = partition
        self.node = node
        self.source = source
        self.context = context
        traces = context.traces
        self.outbox = outbox
        self.onFailure = onFailure
        walk = .allocate(capacity: 1)
        walk.initialize(to: Walk())
        progress = .allocate(capacity: 1)
        progress.initialize(to: SourceProgress())
        ahead = .allocate(capacity: Self.lookahead)
    }

    deinit {
        walk.deinitialize(count: 1)
        walk.deallocate()
        progress.deinitialize(count: 1)
        progress.deallocate()
        ahead.deallocate()
    }

    package var isEmpty: Bool { progress.pointee.head == nil }

    /// The offset to commit: that of the first unprocessed record. nil if nothing is known about the partition.
    package var position: Offset? { headOffset ?? progress.pointee.nextOffset }

    /// Whether the cluster is known to have no more records than were taken. False if that is unknown.
    package var isCaughtUp: Bool {
        guard let end, let position else { return false }
        return position >= end
    }

    /// Sets where reading starts, and what is known about the partition at that point.
    package func begin(at offset: Offset, end: Offset, partitionTime: Timestamp) {
        progress.pointee.nextOffset = offset
        (start, lastNews) = (offset, context.time.wall)
        self.end = end
        progress.pointee.partitionTime = partitionTime
    }

    /// Adds batches. Decodes the head if there was none.
    package func add(_ batches: FetchedBatches) throws {
        end = batches.end
        guard batches.bytes.count > 0 else { return }
        waiting.append(batches)
        bufferedBytes += batches.bytes.count
        lastNews = context.time.wall
        if isEmpty { try advance() }
    }

    /// Records where the partition ends, and how far it was fetched.
    /// - Parameters:
    ///   - end: includes records of open transactions; nil if it was not looked up.
    ///   - read: everything before it was delivered, or is never delivered: markers, and records of aborted
    ///     transactions.
    func note(end: Offset?, read: Offset?) {
        self.end = end ?? self.end
        guard isEmpty, let read else { return }
        progress.pointee.nextOffset = max(progress.pointee.nextOffset ?? read, read)
    }

    /// Sends the head into the sub-topology, then decodes the next one.
    package func processHead() throws {
        try processOnlyHead()
        try advance()
    }

    private func processOnlyHead() throws {
        guard let done = headOffset else { preconditionFailure("an empty queue has nothing to process") }
        progress.pointee.partitionTime = max(progress.pointee.partitionTime, walk.pointee.headTime)
        if let traces { try processHead(traces) } else { try source.process() }
        progress.pointee.nextOffset = done + 1
        progress.pointee.head = nil
        progress.pointee.processedCount += 1
    }

    /// Processes the head within its span, if it is traced.
    private func processHead(_ traces: TaskTraces) throws {
        guard let head, let span = traces.begin(head, of: partition) else { return try source.process() }
        try traces.following(span) { try source.process(replacing: span.fields) }
    }

    /// Sends the head and the records after it into the sub-topology, then decodes the next head. Only for a queue
    /// whose head need not be compared with those of others. The task has advanced stream time to the head; the source
    /// advances it for the records after it.
    /// - Parameter bound: the time of the last record to take; the head is taken in any case.
    package func process(upTo limit: Int, until bound: Timestamp = Timestamp(ms: .max)) throws {
        let end = processedCount + limit
        try processOnlyHead()
        while processedCount < end {
            var rest = min(walk.pointee.aheadCount - walk.pointee.takenCount, end - processedCount)
            guard rest > 0 else {
                if try readAhead() { continue }
                break
            }
            let first = ahead + walk.pointee.takenCount
            if bound.ms != .max {
                // Sources that process runs of records use the records' own timestamps.
                var due = 0
                while due < rest, first[due].timestamp <= bound { due += 1 }
                if due == 0 { break }
                rest = due
            }
            let done = try source.processAll(UnsafeBufferPointer(start: first, count: rest), progress)
            walk.pointee.takenCount += done
            if done < rest { break }
        }
        try advance()
    }

    /// The number of records processed.
    package var processedCount: Int { progress.pointee.processedCount }

    private func advance() throws {
        while true {
            while walk.pointee.takenCount < walk.pointee.aheadCount {
                let record = ahead + walk.pointee.takenCount
                walk.pointee.takenCount += 1
                if try load(record) { return }
                progress.pointee.nextOffset = record.pointee.offset + 1
            }
            if try readAhead() { continue }
            if let done = current {
                // Includes control records, which are never returned.
                progress.pointee.nextOffset = walk.pointee.reader.nextOffset
                bufferedBytes -= done.bytes.count
                // No reference to a batch may remain in the reader: the bytes are freed with their owner.
                walk.pointee.reader = RecordBatchReader(UnsafeRawBufferPointer(start: nil, count: 0))
                current = nil
            }
            guard !waiting.isEmpty else { return }
            let next = waiting.removeFirst()
            current = next
            walk.pointee.reader = RecordBatchReader(next.bytes.bytes, from: next.firstOffset)
        }
    }

    /// - Returns: false if the current batches have no more records.
    private func readAhead() throws -> Bool {
        if let failure = walk.pointee.failure { throw failure }
        var count = 0
        do throws(RecordBatchError) {
            while count < Self.lookahead {
                let read = try walk.pointee.reader.read(into: ahead + count, upTo: Self.lookahead - count)
                count += read
                // The records of a compressed batch become invalid when the reader begins the next one.
                if read == 0 || walk.pointee.reader.isUnpacked { break }
            }
        } catch {
            // The records before the damage are processed first.
            guard count > 0 else { throw error }
            walk.pointee.failure = error
        }
        walk.pointee.aheadCount = count
        walk.pointee.takenCount = 0
        if count > 0 { source.expect(UnsafeBufferPointer(start: ahead, count: count)) }
        return count > 0
    }

    /// - Returns: whether the record became the head.
    private func load(_ record: UnsafePointer<RecordView>) throws -> Bool {
        do {
            let time = try source.load(
                key: record.pointee.key, value: record.pointee.value, timestamp: record.pointee.timestamp,
                headers: record.pointee.hasHeaders ? try record.pointee.headers() : Headers(),
                partitionTime: partitionTime)
            if time.ms >= 0 {
                walk.pointee.headTime = time
                progress.pointee.head = record
                return true
            }
            let original = OriginalRecord(record.pointee, of: partition)
            traces?.begin(original.origin, headers: original.headers)?.dropped(.negativeTimestamp, at: node)
            context.drop(.negativeTimestamp, at: node, of: original)
        } catch {
            try failed(error, on: record.pointee)
        }
        return false
    }

    private func failed(_ error: any Error, on record: RecordView) throws {
        let original = OriginalRecord(record, of: partition)
        let unreadable = error as? UnreadablePart
        let error = unreadable?.underlying ?? error
        let failure = DeserializationFailure(
            node: node, origin: original.origin, part: unreadable?.part, underlying: error)
        traces?.begin(original.origin, headers: original.headers)?.failed(failure)
        switch onFailure(failure) {
        case .fail: throw failure
        case .skip: break
        case .deadLetter(let topic):
            try outbox.sendDeadLetter(
                topic: topic, record: original, failure: error, message: failure.description, node: node)
        }
        context.drop(.deserialization, at: node, of: original)
    }
}
