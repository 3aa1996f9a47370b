// The records of a stream that wait for late rows of a table, in Kafka Streams' bytes (numbers big-endian):
//
//     key      0 · timestamp (Int64) · key · number of the record (Int32)
//     value    where the record came from: timestamp and offset (Int64 each), sized topic, partition (Int32), number of
//              headers (Int32), sized name and value of each · two values that are not used here, −1 each (Int32) ·
//              sized value · 0 (Int64)
//
// A sized field has its length before it (Int32), −1 for a null.

import MoldauRecords
import MoldauState
import MoldauTopology

/// Holds the records of a stream back until stream time has passed theirs by the grace period; then gives them in the
/// order of time. Stream time is that of the records put into it.
final class GraceBuffer<Key, Value>: KeyValueBackedStore {
    private let graceMs: Int64
    let rows: KeyValueStore<BufferPlace<Key>, BufferedRecord<Value>>
    private var streamTime = Timestamp.none
    /// No record is older; nil while it is not known.
    private var oldest: Timestamp?
    private var sequence: Int32 = 0
    private var isResumed = false

    init(cache: CachedByteStore, key: Serde<Key>, value: Serde<Value>, grace: Duration) {
        graceMs = grace.milliseconds
        rows = KeyValueStore(cache: cache, key: BufferPlace.serde(of: key), value: BufferedRecord.serde(of: value))
    }

    static func definition(
        _ name: String, key: Serde<Key>, value: Serde<Value>, grace: Duration, kind: StoreKind
    ) -> StoreDefinition {
        StoreDefinition(name: name, kind: kind) { store, environment in
            GraceBuffer(cache: try environment.cache(for: store), key: key, value: value, grace: grace)
        }
    }

    /// - Returns: false where the record is later than the grace period: it is not taken.
    func put(_ record: Record<Key, Value>, from origin: RecordOrigin?) throws -> Bool {
        try resume()
        if record.timestamp.ms < streamTime.ms - graceMs { return false }
        sequence = sequence &+ 1 & .max
        try rows.put(
            BufferPlace(timestamp: record.timestamp, key: record.key, sequence: sequence),
            BufferedRecord(
                value: record.value, timestamp: record.timestamp, headers: record.headers, origin: origin))
        streamTime = max(streamTime, record.timestamp)
        if let known = oldest { oldest = min(known, record.timestamp) }
        return true
    }

    /// Takes out the records whose wait is over, in the order of time, key and arrival.
    func takeDue(_ body: (Record<Key, Value>, RecordOrigin?) throws -> Void) throws {
        let due = streamTime.ms - graceMs
        if let oldest, oldest.ms > due { return }
        let waiting = try rows.all()
        while let (place, record) = try waiting.next() {
            oldest = place.timestamp
            if place.timestamp.ms > due { return }
            try body(
                Record(key: place.key, value: record.value, timestamp: record.timestamp, headers: record.headers),
                record.origin)
            try rows.put(place, nil)
        }
        oldest = Timestamp(ms: .max)
    }

    /// After a restart, the newest record that waits tells stream time.
    private func resume() throws {
        if isResumed { return }
        isResumed = true
        if let (place, _) = try rows.reverseAll().next() { streamTime = place.timestamp }
    }
}

/// Where a record waits: by time first.
struct BufferPlace<Key> {
    var timestamp: Timestamp
    var key: Key
    /// Tells records of equal time and key apart.
    var sequence: Int32

    static func serde(of key: Serde<Key>) -> Serde<BufferPlace> {
        Serde<BufferPlace>(
            encode: { place, writer in
                writer.append(byte: 0)
                writer.append(bigEndian: place.timestamp.ms)
                try key.encode(place.key, &writer)
                writer.append(bigEndian: place.sequence)
            },
            decode: { bytes in
                try bytes.withUnsafeBytes { buffer in
                    var reader = FieldReader(buffer, of: "place of a waiting record")
                    guard try reader.number(UInt8.self) == 0 else { throw reader.malformed("it is not by time") }
                    let timestamp = Timestamp(ms: try reader.number())
                    let sequence: Int32 = try reader.lastNumber()
                    return BufferPlace(
                        timestamp: timestamp, key: try key.decode(reader.rest.bytes), sequence: sequence)
                }
            })
    }
}

/// A record that waits, with all that it needs to go on as if it had just come.
struct BufferedRecord<Value> {
    var value: Value
    var timestamp: Timestamp
    var headers: Headers
    /// nil for a record that came from a punctuation.
    var origin: RecordOrigin?

    static func serde(of value: Serde<Value>) -> Serde<BufferedRecord> {
        Serde<BufferedRecord>(
            encode: { record, writer in
                record.writeContext(&writer)
                writer.append(bigEndian: Int32(-1))
                writer.append(bigEndian: Int32(-1))
                writer.append(sized: try value.bytes(of: record.value))
                writer.append(bigEndian: Int64(0))
            },
            decode: { bytes in try bytes.withUnsafeBytes { try read($0, value) } })
    }

    private func writeContext(_ writer: inout ByteWriter) {
        writer.append(bigEndian: timestamp.ms)
        writer.append(bigEndian: origin?.offset.value ?? -1)
        writer.append(sized: Array((origin?.topic ?? "").utf8))
        writer.append(bigEndian: origin?.partition.number ?? -1)
        writer.append(bigEndian: Int32(headers.count))
        for header in headers {
            writer.append(sized: Array(header.name.utf8))
            writer.append(sized: header.value)
        }
    }

    private static func read(_ bytes: UnsafeRawBufferPointer, _ value: Serde<Value>) throws -> BufferedRecord {
        var reader = FieldReader(bytes, of: "waiting record")
        func text(_ bytes: UnsafeRawBufferPointer?) throws -> String {
            guard let bytes, let text = String(validating: bytes, as: UTF8.self) else { throw SerdeError.invalidUTF8 }
            return text
        }
        let timestamp = Timestamp(ms: try reader.number())
        let offset = Offset(try reader.number())
        let topic = try text(try reader.sizedBytes())
        let partition = Partition(try reader.number())
        var headers = Headers()
        for _ in 0..<(try reader.count(ofSize: 8)) {
            let name = try text(try reader.sizedBytes())
            headers.append(Header(name, try reader.sizedBytes().map { Array($0) }))
        }
        for _ in 0..<2 { _ = try reader.sizedBytes() }
        guard let valueBytes = try reader.sizedBytes() else { throw reader.malformed("it has no value") }
        let origin = topic.isEmpty ? nil : RecordOrigin(topic: topic, partition: partition, offset: offset)
        return BufferedRecord(
            value: try value.decode(valueBytes.bytes), timestamp: timestamp, headers: headers, origin: origin)
    }
}

extension ByteWriter {
    fileprivate mutating func append(sized bytes: [UInt8]?) {
        append(bigEndian: Int32(bytes?.count ?? -1))
        append(contentsOf: bytes ?? [])
    }
}
