// The timestamp in front of a value, as in Kafka Streams' timestamped stores: milliseconds in eight bytes, big-endian.
// Written by `append(bigEndian:)`; read here for all rows that begin with one.

import MoldauRecords

/// The number of bytes of the timestamp.
@inlinable var timestampBytes: Int { 8 }

/// A row's timestamp and the value after it; nil if the row is too short to have a timestamp.
@inlinable @inline(__always)
func splitTime(_ row: UnsafeRawBufferPointer) -> (time: Timestamp, value: UnsafeRawBufferPointer)? {
    guard row.count >= timestampBytes else { return nil }
    return (Timestamp(ms: row.bigEndian(at: 0)), UnsafeRawBufferPointer(rebasing: row[timestampBytes...]))
}

/// Like the function above, but throws.
/// - Throws: `StateError.damaged` if the row is too short to have a timestamp.
@inline(__always)
func splitTime(
    _ row: UnsafeRawBufferPointer, of store: @autoclosure () -> String
) throws(StateError) -> (time: Timestamp, value: UnsafeRawBufferPointer) {
    guard let parts = splitTime(row) else {
        throw .damaged(
            store: store(), reason: "a row has \(row.count) bytes, and its time alone takes \(timestampBytes)")
    }
    return parts
}
