import MoldauRecords

/// The next unprocessed record of one input partition: decoded when it becomes the head, processed when its turn comes.
@usableFromInline package protocol SourceHead: AnyObject {
    /// Decodes a record and returns its time.
    /// - Parameter partitionTime: the greatest time seen in the partition before this record.
    /// - Throws: `SerdeError`, and errors of the timestamp extractor.
    func load(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, timestamp: Timestamp, headers: Headers,
        partitionTime: Timestamp
    ) throws -> Timestamp
    /// Sends the loaded record into the sub-topology.
    func process() throws
    /// Sends the loaded record into the sub-topology, with these headers replacing those of the same names.
    func process(replacing fields: [Header]) throws
    /// Tells the nodes below which records come next.
    func expect(_ records: UnsafeBufferPointer<RecordView>)
    /// Decodes and processes records one after another, setting the task's clock and origin for each, up to the first
    /// that only `load` can handle.
    /// - Returns: how many were processed.
    /// - Throws: errors of processing; the failed record is then the head.
    func processAll(
        _ records: UnsafeBufferPointer<RecordView>, _ progress: UnsafeMutablePointer<SourceProgress>
    ) throws -> Int
}

/// A partition's progress: the fields that change with every record.
@usableFromInline package struct SourceProgress {
    /// The record that is waiting or being processed, inside its batch.
    @usableFromInline package var head: UnsafePointer<RecordView>?
    /// The greatest time of the records taken so far.
    @usableFromInline package var partitionTime = Timestamp.none
    /// The offset of the next record to take, if it is not the head's: after dropped records and markers.
    @usableFromInline package var nextOffset: Offset?
    @usableFromInline package var processedCount = 0

    package init() {}
}

/// A source's head, made of closures that know its types: closures made in inlinable code are specialised, methods of a
/// generic class never are.
@usableFromInline package final class TypedSourceHead: SourceHead {
    @usableFromInline typealias Load = (
        UnsafeRawBufferPointer?, UnsafeRawBufferPointer?, Timestamp, Headers, _ partitionTime: Timestamp
    ) throws -> Timestamp

    @usableFromInline typealias ProcessAll = (
        UnsafeBufferPointer<RecordView>, UnsafeMutablePointer<SourceProgress>
    ) throws -> Int

    @usableFromInline let loadHead: Load
    @usableFromInline let processHead: () throws -> Void
    @usableFromInline let processHeadReplacing: ([Header]) throws -> Void
    @usableFromInline let expectHeads: ((UnsafeBufferPointer<RecordView>) -> Void)?
    /// nil if each record must be handled by `load`.
    @usableFromInline let processThrough: ProcessAll?

    @inlinable
    package init<Key, Value>(
        key: Serde<Key>, value: Serde<Value>, timestamps: TimestampExtractor<Key, Value>.Extract?,
        in context: NodeContext, next: Inlet<Key, Value>
    ) {
        let place = HeadPlace<Key, Value>()
        let (receive, receiveParts) = (next.receive, next.receiveParts)
        expectHeads = next.expect
        let (key, value) = context.serdes(key, value)
        let readsHeaders = key.usesHeaders || value.usesHeaders
        loadHead =
            readsHeaders
            ? Self.loadingWithHeaders(key, value, timestamps, place)
            : { keyBytes, valueBytes, timestamp, headers, partitionTime in
                var record = Record(
                    key: try Self.reading(.key) { try key.read(keyBytes) },
                    value: try Self.reading(.value) { try value.read(valueBytes) }, timestamp: timestamp,
                    headers: headers)
                if let timestamps { record.timestamp = try timestamps(record, partitionTime) }
                let timestamp = record.timestamp
                place.put(record)
                return timestamp
            }
        processHead = { try receive(place.take()) }
        processHeadReplacing = { fields in
            var record = place.take()
            record.headers = record.headers.replacing(fields)
            try receive(record)
        }
        guard !readsHeaders, timestamps == nil else {
            processThrough = nil
            return
        }
        let task = context.task
        processThrough = { records, progress in
            var place = 0
            while place < records.count {
                let record = records[place]
                guard record.timestamp.ms >= 0, !record.hasHeaders else { break }
                let (readKey, readValue): (Key, Value)
                do {
                    readKey = try key.read(record.key)
                    readValue = try value.read(record.value)
                } catch {
                    break  // `load` decodes it again, and reports what is wrong.
                }
                progress.pointee.head = records.baseAddress! + place  // Not empty: it has a record.
                if record.timestamp > progress.pointee.partitionTime {
                    progress.pointee.partitionTime = record.timestamp
                }
                task.took(record.timestamp)
                task.originOffset = record.offset
                try receiveParts(readKey, readValue, record.timestamp, Headers())
                progress.pointee.processedCount += 1
                place += 1
            }
            guard place > 0 else { return 0 }
            progress.pointee.nextOffset = records[place - 1].offset + 1
            progress.pointee.head = nil
            return place
        }
    }

    /// Wraps an error to say which part of the record it is about.
    @inlinable @inline(__always)
    static func reading<Part>(_ part: RecordPart, _ read: () throws -> Part) throws -> Part {
        do { return try read() } catch { throw UnreadablePart(part: part, underlying: error) }
    }

    /// For serdes that use headers.
    @usableFromInline static func loadingWithHeaders<Key, Value>(
        _ key: Serde<Key>, _ value: Serde<Value>, _ timestamps: TimestampExtractor<Key, Value>.Extract?,
        _ place: HeadPlace<Key, Value>
    ) -> Load {
        { keyBytes, valueBytes, timestamp, headers, partitionTime in
            var record = Record(
                key: try Self.reading(.key) { try key.read(keyBytes, headers: headers) },
                value: try Self.reading(.value) { try value.read(valueBytes, headers: headers) },
                timestamp: timestamp, headers: headers)
            if let timestamps { record.timestamp = try timestamps(record, partitionTime) }
            let timestamp = record.timestamp
            place.put(record)
            return timestamp
        }
    }

    /// Decodes a record with the closures of its types.
    @usableFromInline package func load(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, timestamp: Timestamp, headers: Headers,
        partitionTime: Timestamp
    ) throws -> Timestamp {
        try loadHead(key, value, timestamp, headers, partitionTime)
    }

    @usableFromInline package func process() throws { try processHead() }

    @usableFromInline package func process(replacing fields: [Header]) throws { try processHeadReplacing(fields) }

    /// Passes the hint to the nodes below.
    @usableFromInline package func expect(_ records: UnsafeBufferPointer<RecordView>) { expectHeads?(records) }

    /// Processes as many records as it can without `load`.
    @usableFromInline package func processAll(
        _ records: UnsafeBufferPointer<RecordView>, _ progress: UnsafeMutablePointer<SourceProgress>
    ) throws -> Int {
        try processThrough?(records, progress) ?? 0
    }
}

/// A source could not decode the key or the value of a record.
@usableFromInline package struct UnreadablePart: Error {
    /// The part of the record.
    @usableFromInline package let part: RecordPart
    /// The error of the serde.
    @usableFromInline package let underlying: any Error

    /// A part that a serde could not decode.
    @usableFromInline package init(part: RecordPart, underlying: any Error) {
        self.part = part
        self.underlying = underlying
    }
}

extension NodeContext {
    /// The serdes for the topic whose head is being made.
    @usableFromInline func serdes<Key, Value>(
        _ key: Serde<Key>, _ value: Serde<Value>
    ) -> (Serde<Key>, Serde<Value>) {
        guard let headTopic else { return (key, value) }
        return (key.at(headTopic, .key), value.at(headTopic, .value))
    }
}

/// Holds a waiting head. Behind a pointer: each access to a variable of a class costs an exclusivity check.
@usableFromInline
final class HeadPlace<Key, Value> {
    /// Initialised while `isTaken` is false.
    @usableFromInline let head: UnsafeMutablePointer<Record<Key, Value>>
    @exclusivity(unchecked) @usableFromInline var isTaken = true

    @inlinable
    init() { head = .allocate(capacity: 1) }

    @inlinable
    deinit {
        if !isTaken { head.deinitialize(count: 1) }
        head.deallocate()
    }

    /// Stores a head, replacing one whose record was dropped.
    @inlinable @inline(__always)
    func put(_ record: consuming Record<Key, Value>) {
        if !isTaken { head.deinitialize(count: 1) }
        head.initialize(to: record)
        isTaken = false
    }

    @inlinable @inline(__always)
    func take() -> Record<Key, Value> {
        precondition(!isTaken, "a head is processed once, after it was loaded")
        isTaken = true
        return head.move()
    }
}

extension Serde {
    /// Decodes a value; `bytes` is nil for a null.
    @inlinable package func read(_ bytes: UnsafeRawBufferPointer?) throws -> Value {
        guard let bytes else { return try decodeNull() }
        return try decode(bytes.bytes)
    }
}
