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
    /// Tells the nodes below which records come next.
    func expect(_ records: UnsafeBufferPointer<RecordView>)
    /// Reads and processes records one after the other, and sets the task's clock and origin for each: up to the first that only
    /// `load` can judge.
    /// - Returns: how many were processed.
    /// - Throws: what processing throws; the record is the head then.
    func processAll(
        _ records: UnsafeBufferPointer<RecordView>, _ progress: UnsafeMutablePointer<SourceProgress>
    ) throws -> Int
}

/// How far a partition was processed: what changes with every record.
public struct SourceProgress {
    /// The record that waits or is being processed, as it lies in its batch.
    @usableFromInline package var head: UnsafePointer<RecordView>?
    /// The greatest time of the records taken so far.
    @usableFromInline package var partitionTime = Timestamp.none
    /// The next record to take, where it is not the head's: behind discarded records and markers.
    @usableFromInline package var nextOffset: Offset?
    @usableFromInline package var processedCount = 0

    package init() {}
}

/// A source's head, made of closures that know its types: made in inlinable code they are specialised, which methods of a generic
/// class never are.
public final class TypedSourceHead: SourceHead {
    @usableFromInline typealias Load = (
        UnsafeRawBufferPointer?, UnsafeRawBufferPointer?, Timestamp, Headers, _ partitionTime: Timestamp
    ) throws -> Timestamp

    @usableFromInline typealias ProcessAll = (
        UnsafeBufferPointer<RecordView>, UnsafeMutablePointer<SourceProgress>
    ) throws -> Int

    @usableFromInline let loadHead: Load
    @usableFromInline let processHead: () throws -> Void
    @usableFromInline let expectHeads: ((UnsafeBufferPointer<RecordView>) -> Void)?
    /// nil where each record needs a look.
    @usableFromInline let processThrough: ProcessAll?

    @inlinable
    public init<Key, Value>(
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
                    break  // Read again by `load`, which says what it is.
                }
                progress.pointee.head = records.baseAddress! + place
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

    /// Lets an error say of which part it tells.
    @inlinable @inline(__always)
    static func reading<Part>(_ part: RecordPart, _ read: () throws -> Part) throws -> Part {
        do { return try read() } catch { throw UnreadablePart(part: part, underlying: error) }
    }

    /// For serdes that look at headers.
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

    public func load(
        key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, timestamp: Timestamp, headers: Headers,
        partitionTime: Timestamp
    ) throws -> Timestamp {
        try loadHead(key, value, timestamp, headers, partitionTime)
    }

    public func process() throws { try processHead() }

    public func expect(_ records: UnsafeBufferPointer<RecordView>) { expectHeads?(records) }

    public func processAll(
        _ records: UnsafeBufferPointer<RecordView>, _ progress: UnsafeMutablePointer<SourceProgress>
    ) throws -> Int {
        try processThrough?(records, progress) ?? 0
    }
}

/// A source could not read the key or the value of a record.
public struct UnreadablePart: Error {
    public let part: RecordPart
    public let underlying: any Error

    public init(part: RecordPart, underlying: any Error) {
        self.part = part
        self.underlying = underlying
    }
}

extension NodeContext {
    /// The serdes of the topic whose head is being made.
    @usableFromInline func serdes<Key, Value>(
        _ key: Serde<Key>, _ value: Serde<Value>
    ) -> (Serde<Key>, Serde<Value>) {
        guard let headTopic else { return (key, value) }
        return (key.at(headTopic, .key), value.at(headTopic, .value))
    }
}

/// Where a head waits. Behind a pointer: a class's own variable costs an exclusivity check each time.
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

    /// Takes a head in. One that is there, because its record was discarded, goes.
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
    /// Reads bytes, or a null where there are none.
    @inlinable public func read(_ bytes: UnsafeRawBufferPointer?) throws -> Value {
        guard let bytes else { return try decodeNull() }
        return try decode(bytes.bytes)
    }
}
