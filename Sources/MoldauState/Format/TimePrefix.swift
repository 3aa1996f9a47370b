// The time before a value, as Kafka Streams' timestamped stores have it: eight bytes, milliseconds, big-endian. Written by
// `append(bigEndian:)`; read here, wherever a row begins with one.

import MoldauRecords

/// The bytes that a time takes before a value.
@inlinable var timestampBytes: Int { 8 }

/// A row's time, and the value behind it; nil where the row is too short to have a time.
@inlinable @inline(__always)
func splitTime(_ row: UnsafeRawBufferPointer) -> (time: Timestamp, value: UnsafeRawBufferPointer)? {
    guard row.count >= timestampBytes else { return nil }
    return (Timestamp(ms: row.bigEndian(at: 0)), UnsafeRawBufferPointer(rebasing: row[timestampBytes...]))
}

/// As above.
/// - Throws: `StateError.damaged` where the row is too short to have a time.
func splitTime(
    _ row: UnsafeRawBufferPointer, of store: String
) throws(StateError) -> (time: Timestamp, value: UnsafeRawBufferPointer) {
    guard let parts = splitTime(row) else {
        throw .damaged(store: store, reason: "a row has \(row.count) bytes, and its time alone takes \(timestampBytes)")
    }
    return parts
}
