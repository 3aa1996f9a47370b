// The format of a stream's records that wait for late rows of a table, in Kafka Streams' bytes (numbers big-endian):
//
//     key      0 · timestamp (Int64) · key · sequence number (Int32)
//     value    as in BufferedChange.swift, with the record's value as the new one, no others, and no buffer time

import MoldauRecords
import MoldauState
import MoldauTopology

/// Holds the records of a stream back until stream time has passed their timestamps by the grace period; then releases
/// them in timestamp order.
final class GraceBuffer<Key, Value>: KeyValueBackedStore {
    private let graceMs: Int64
    private let value: Serde<Value>
    let rows: KeyValueStore<BufferPlace<Key>, BufferedChange>
    /// No buffered record is older; nil if unknown.
    private var oldest: Timestamp?
    /// The number of the last buffered record; nil before the first.
    private var sequence: Int32?

    init(cache: CachedByteStore, key: Serde<Key>, value: Serde<Value>, grace: Duration) {
        graceMs = grace.milliseconds
        self.value = value.at(cache.topic, .value)
        rows = KeyValueStore(cache: cache, key: BufferPlace.serde(of: key), value: BufferedChange.serde)
    }

    static func definition(
        _ name: String, key: Serde<Key>, value: Serde<Value>, grace: Duration, kind: StoreKind
    ) -> StoreDefinition {
        StoreDefinition(name: name, kind: kind) { store, environment in
            GraceBuffer(cache: try environment.cache(for: store), key: key, value: value, grace: grace)
        }.formed(StoreForm(.init("waiting records"), key: key.format, value: value.format))
    }

    /// - Returns: false if the record is late by more than the grace period; it is then not buffered.
    func put(_ record: Record<Key, Value>, from origin: RecordOrigin?, at streamTime: Timestamp) throws -> Bool {
        if record.timestamp < streamTime.subtracting(ms: graceMs) { return false }
        try rows.put(
            BufferPlace(timestamp: record.timestamp, key: record.key, sequence: nextSequence()),
            BufferedChange(
                new: try value.bytes(of: record.value), timestamp: record.timestamp, headers: record.headers,
                origin: origin))
        if let known = oldest { oldest = min(known, record.timestamp) }
        return true
    }

    func waiting(at streamTime: Timestamp) throws -> HeldRecords? {
        try HeldRecords(.lateRows, try rows.all(), streamTime: streamTime) { $0.timestamp.adding(ms: graceMs) }
    }

    /// Takes out the records whose wait is over, in the order of timestamp, key and arrival.
    func takeDue(
        at streamTime: Timestamp, _ body: (Record<Key, Value>, RecordOrigin?) throws -> Void
    ) throws {
        let due = streamTime.subtracting(ms: graceMs)
        if let oldest, oldest > due { return }
        let waiting = try rows.all()
        while let (place, record) = try waiting.next() {
            oldest = place.timestamp
            if place.timestamp > due { return }
            let value = try value.value(of: record.new)
            try body(
                Record(key: place.key, value: value, timestamp: record.timestamp, headers: record.headers),
                record.origin)
            try rows.put(place, nil)
        }
        oldest = Timestamp(ms: .max)
    }

    /// Sequence numbers continue, after a restore, from the changelog's offset: it exceeds every number given before,
    /// since each buffered record took an offset, so no buffered record is overwritten.
    private func nextSequence() -> Int32 {
        let last = sequence ?? Int32(truncatingIfNeeded: changelogOffset?.value ?? 0) & .max
        let next = (last &+ 1) & .max
        sequence = next
        return next
    }
}

/// The key of a buffered record: ordered by timestamp first.
struct BufferPlace<Key> {
    var timestamp: Timestamp
    var key: Key
    /// Distinguishes records of equal timestamp and key.
    var sequence: Int32

    static func serde(of key: Serde<Key>) -> Serde<BufferPlace> {
        key.lifted { key in
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
                        guard try reader.number(UInt8.self) == 0 else {
                            throw reader.malformed("it is not ordered by time")
                        }
                        let timestamp = Timestamp(ms: try reader.number())
                        let sequence: Int32 = try reader.lastNumber()
                        return BufferPlace(
                            timestamp: timestamp, key: try key.decode(reader.rest.bytes), sequence: sequence)
                    }
                })
        }
    }
}
