// A partition's state of the idempotent producers that wrote to it, in Kafka's format:
//
//     .snapshot   version i16 = 1 · CRC-32C u32 of what follows · count i32, then per producer: id i64 · epoch i16 ·
//                 last sequence i32 · last offset i64 · offsets in the last batch less one i32 · last timestamp i64 ·
//                 coordinator epoch i32 · first offset of its open transaction i64, −1 for none
//     .txnindex   per aborted transaction of the segment: version i16 = 0 · producer id i64 · first offset i64 ·
//                 offset of the marker i64 · last stable offset then i64
//
// A snapshot's name is the offset up to which it covers the log.

package import MoldauRecords

/// Where an aborted transaction lies in the log: readers of committed records skip its records.
package struct AbortedRange: Equatable, Sendable {
    package let producer: Int64
    package let first: Offset
    /// The offset of its marker.
    package let last: Offset
    /// The partition's last stable offset after the abort.
    let stable: Offset
}

/// A partition's state of one producer that wrote to it.
package struct ActiveProducer: Equatable, Sendable {
    package let id: Int64
    package let epoch: Int16
    /// −1 if it has sent nothing with a sequence number.
    package let lastSequence: Int32
    package let lastTimestamp: Timestamp
    package let coordinatorEpoch: Int32
    /// The start of its open transaction.
    package let transactionStart: Offset?
}

/// The producers of a partition: the expected next batch of each, and the open transactions.
struct ProducerStates: Sendable {
    private struct Batch: Sendable {
        let firstSequence: Int32
        let lastSequence: Int32
        let offsets: Range<Offset>
    }

    private struct Producer: Sendable {
        var epoch: Int16
        /// The last batches, oldest first; empty if only a marker was written.
        var batches: [Batch] = []
        var lastTimestamp = Timestamp.none
        var coordinatorEpoch: Int32 = -1
        /// Since when it is known to have written nothing; nil if it has written since the last check.
        var idleSince: Duration?
    }

    /// How many of a producer's last batches are recognised as duplicates if they are retried (KIP-98).
    private static let rememberedBatches = 5

    private var producers: [Int64: Producer] = [:]
    /// The starts of the open transactions, by producer: few, however many producers there are.
    private var starts: [Int64: Offset] = [:]
    /// The maximum number of known producers; batches of further ones are refused.
    var limit = Int.max

    var isEmpty: Bool { producers.isEmpty }

    /// The start of the oldest open transaction; nil if none is open.
    var firstUnstable: Offset? { starts.values.min() }

    /// Like `firstUnstable`, without the transactions of one producer.
    func firstUnstable(besides id: Int64) -> Offset? { starts.lazy.filter { $0.key != id }.map(\.value).min() }

    /// The producers with open transactions, by id.
    var open: [(producer: Int64, epoch: Int16, start: Offset)] {
        starts.compactMap { id, start in producers[id].map { (id, $0.epoch, start) } }
            .sorted(on: \.producer)
    }

    /// All producers, by id.
    var all: [ActiveProducer] {
        producers.sorted(on: \.key).map { id, producer in
            ActiveProducer(
                id: id, epoch: producer.epoch, lastSequence: producer.batches.last?.lastSequence ?? -1,
                lastTimestamp: producer.lastTimestamp, coordinatorEpoch: producer.coordinatorEpoch,
                transactionStart: starts[id])
        }
    }

    /// Expires the producers that have written nothing for at least this long, as far as is known: later batches are
    /// accepted as if they were new. Those with open transactions are retained.
    /// - Parameter now: the time of a clock that is never set.
    mutating func expire(now: Duration, after expiration: Duration) {
        for (id, producer) in producers where starts[id] == nil {
            guard let since = producer.idleSince else {
                producers[id]?.idleSince = now
                continue
            }
            if now - since >= expiration { producers[id] = nil }
        }
    }

    /// The offset of the last record of each producer.
    var lastOffsets: [Int64: Offset] {
        producers.compactMapValues { $0.batches.last.map { Offset($0.offsets.upperBound.value - 1) } }
    }

    /// The newest epoch of each producer, by its id.
    var epochs: [Int64: Int16] { producers.mapValues(\.epoch) }

    /// Checks a batch before it is written.
    /// - Returns: the offsets of the batch if it is already in the log; nil if it is new.
    /// - Throws: `LogError.producerFenced`, `.outOfOrderSequence`, `.tooManyProducers`.
    func check(_ header: RecordBatchHeader) throws(LogError) -> Range<Offset>? {
        let stamp = header.producer
        guard stamp.id >= 0 else { return nil }
        guard let known = producers[stamp.id] else {
            // Any sequence number is accepted: its earlier batches may have been deleted, or its state expired.
            if producers.count >= limit, !header.isControl { throw .tooManyProducers(limit: limit) }
            return nil
        }
        if stamp.epoch < known.epoch {
            throw .producerFenced(id: stamp.id, epoch: stamp.epoch, current: known.epoch)
        }
        guard !header.isControl, stamp.baseSequence >= 0 else { return nil }
        let end = sequence(stamp.baseSequence, plus: header.lastOffsetDelta)
        if stamp.epoch == known.epoch {
            let twin = known.batches.first { $0.firstSequence == stamp.baseSequence && $0.lastSequence == end }
            if let twin { return twin.offsets }
        }
        // A producer that is known only from a marker has sent nothing here in its epoch.
        let last = stamp.epoch > known.epoch ? nil : known.batches.last
        let expected = last.map { sequence($0.lastSequence, plus: 1) } ?? 0
        guard expected == stamp.baseSequence else {
            throw .outOfOrderSequence(producer: stamp.id, expected: expected, got: stamp.baseSequence)
        }
        return nil
    }

    /// Updates the producer's state after a batch was written.
    mutating func note(_ header: RecordBatchHeader, at base: Offset) {
        let stamp = header.producer
        guard stamp.id >= 0, !header.isControl else { return }
        var producer = producers[stamp.id] ?? Producer(epoch: stamp.epoch)
        if stamp.epoch > producer.epoch {
            producer.epoch = stamp.epoch
            producer.batches = []
        }
        if stamp.baseSequence >= 0 {
            producer.batches.append(
                Batch(
                    firstSequence: stamp.baseSequence,
                    lastSequence: sequence(stamp.baseSequence, plus: header.lastOffsetDelta),
                    offsets: base..<(base + Int64(header.lastOffsetDelta) + 1)))
        }
        if producer.batches.count > Self.rememberedBatches { producer.batches.removeFirst() }
        producer.lastTimestamp = header.maxTimestamp
        producer.idleSince = nil
        if stamp.isTransactional, starts[stamp.id] == nil { starts[stamp.id] = base }
        producers[stamp.id] = producer
    }

    /// Updates the producer's state after a marker was written.
    /// - Returns: the transaction that the marker aborts, if it aborts an open one.
    mutating func note(_ marker: TransactionMarker, of stamp: ProducerStamp, at offset: Offset) -> AbortedRange? {
        var producer = producers[stamp.id] ?? Producer(epoch: stamp.epoch)
        if stamp.epoch > producer.epoch {
            producer.epoch = stamp.epoch
            producer.batches = []
        }
        producer.coordinatorEpoch = marker.coordinatorEpoch
        producer.idleSince = nil
        let start = starts.removeValue(forKey: stamp.id)
        producers[stamp.id] = producer
        guard let start, !marker.isCommit else { return nil }
        return AbortedRange(
            producer: stamp.id, first: start, last: offset, stable: firstUnstable ?? offset + 1)
    }

    /// Sequence numbers wrap around: 0 follows the maximum.
    private func sequence(_ sequence: Int32, plus delta: Int32) -> Int32 { (sequence &+ delta) & .max }
}

// MARK: Files

extension ProducerStates {
    private static let snapshotVersion: Int16 = 1
    private static let entryBytes = 46

    var snapshot: [UInt8] {
        var body = ByteWriter()
        body.append(bigEndian: Int32(producers.count))
        for (id, producer) in producers.sorted(on: \.key) {
            let last = producer.batches.last
            body.append(bigEndian: id)
            body.append(bigEndian: producer.epoch)
            body.append(bigEndian: last?.lastSequence ?? -1)
            body.append(bigEndian: last.map { $0.offsets.upperBound.value - 1 } ?? -1)
            body.append(bigEndian: last.map { ($0.lastSequence &- $0.firstSequence) & .max } ?? 0)
            body.append(bigEndian: producer.lastTimestamp.ms)
            body.append(bigEndian: producer.coordinatorEpoch)
            body.append(bigEndian: starts[id]?.value ?? -1)
        }
        var file = ByteWriter()
        file.append(bigEndian: Self.snapshotVersion)
        file.append(bigEndian: crc32c(body.bytes))
        file.append(contentsOf: body.bytes)
        return [UInt8](file.bytes)
    }

    /// nil if the bytes are not a complete, intact snapshot.
    init?(snapshot: [UInt8]) {
        guard let read = snapshot.withUnsafeBytes({ try? ProducerStates(reading: $0) }) else { return nil }
        self = read
    }

    private init(reading snapshot: UnsafeRawBufferPointer) throws(SerdeError) {
        var fields = FieldReader(snapshot, of: "snapshot of producers")
        guard try fields.number() == Self.snapshotVersion else { throw fields.malformed("it is of another version") }
        let checksum: UInt32 = try fields.number()
        guard crc32c(fields.rest) == checksum else { throw fields.malformed("its checksum does not match its bytes") }
        let count: Int32 = try fields.number()
        guard count >= 0, fields.rest.count == Int(count) * Self.entryBytes else {
            throw fields.malformed("it claims to have \(count) producers")
        }
        for _ in 0..<count { try add(&fields) }
    }

    private mutating func add(_ fields: inout FieldReader) throws(SerdeError) {
        let id: Int64 = try fields.number()
        var producer = Producer(epoch: try fields.number())
        let (lastSequence, lastOffset) = (try fields.number(Int32.self), try fields.number(Int64.self))
        let delta: Int32 = try fields.number()
        if lastSequence >= 0, delta >= 0, lastOffset >= Int64(delta), lastOffset < .max {
            producer.batches = [
                Batch(
                    firstSequence: (lastSequence &- delta) & .max, lastSequence: lastSequence,
                    offsets: Offset(lastOffset - Int64(delta))..<Offset(lastOffset + 1))
            ]
        }
        producer.lastTimestamp = Timestamp(ms: try fields.number())
        producer.coordinatorEpoch = try fields.number()
        let start: Int64 = try fields.number()
        if start >= 0 { starts[id] = Offset(start) }
        producers[id] = producer
    }
}

extension AbortedRange {
    static let entryBytes = 34

    /// The entry as `.txnindex` stores it.
    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.append(bigEndian: Int16(0))
        for number in [producer, first.value, last.value, stable.value] { writer.append(bigEndian: number) }
        return [UInt8](writer.bytes)
    }

    /// The complete entries of an index.
    static func all(in index: [UInt8]) -> [AbortedRange] {
        index.withUnsafeBytes { bytes in
            var fields = FieldReader(bytes, of: "index of aborted transactions")
            var all: [AbortedRange] = []
            while let entry = try? AbortedRange(&fields) { all.append(entry) }
            return all
        }
    }

    private init(_ fields: inout FieldReader) throws(SerdeError) {
        _ = try fields.number(Int16.self)
        producer = try fields.number()
        (first, last) = (Offset(try fields.number()), Offset(try fields.number()))
        stable = Offset(try fields.number())
    }
}
