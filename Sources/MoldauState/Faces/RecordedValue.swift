// The format of a row in a store that keeps headers, numbers big-endian:
//
//     without headers    timestamp (Int64) · value: as in a store that keeps only timestamps
//     with headers       0x80 · number of headers (Int32) · sized name and value of each · timestamp (Int64) · value
//
// A sized field is preceded by its length (Int32), −1 for a null. No timestamp begins with 0x80, so the first byte
// tells the two apart, and rows of a store without headers can be read as rows without headers. In the changelog,
// timestamp and headers are those of the record, and the value stands alone.

import MoldauRecords

/// A value with the timestamp and the headers of its record (KIP-1271).
public struct RecordedValue<Value> {
    /// The value.
    public var value: Value
    /// The time of the event.
    public var timestamp: Timestamp
    /// The record's headers.
    public var headers: Headers

    /// A value with the timestamp and headers of its record.
    public init(_ value: Value, at timestamp: Timestamp, headers: Headers = Headers()) {
        self.value = value
        self.timestamp = timestamp
        self.headers = headers
    }
}

extension RecordedValue: Equatable where Value: Equatable {}
extension RecordedValue: Sendable where Value: Sendable {}

extension RecordedValue {
    /// The serde of a row. A value serde that uses headers adds them to the row's, and sees these when it decodes.
    static func serde(of value: Serde<Value>) -> Serde<RecordedValue> {
        value.lifted { value in
            Serde(
                encode: { row, writer in
                    var bytes = ByteWriter()
                    var headers = row.headers
                    try value.encode(row.value, &bytes, headers: &headers)
                    writer.append(RecordedBytes(value: bytes.bytes, timestamp: row.timestamp, headers: headers))
                },
                decode: { bytes in
                    try bytes.withUnsafeBytes { buffer in
                        let row = try RecordedBytes(row: buffer)
                        let read = try value.read(row.value, headers: row.headers)
                        return RecordedValue(read, at: row.timestamp, headers: row.headers)
                    }
                },
                null: value.null.map { null in
                    .init(isNull: { null.isNull($0.value) }, make: { RecordedValue(null.make(), at: .none) })
                })
        }
    }
}

/// The parts of a row, with the value as bytes. Valid as long as the row's bytes.
struct RecordedBytes {
    static let headersMark: UInt8 = 0x80

    let value: UnsafeRawBufferPointer
    let timestamp: Timestamp
    let headers: Headers
}

extension RecordedBytes {
    init(row: UnsafeRawBufferPointer) throws {
        var reader = FieldReader(row, of: "row with headers")
        var headers = Headers()
        if row.first == Self.headersMark {
            _ = try reader.number(UInt8.self)
            headers = try reader.headers()
        }
        timestamp = Timestamp(ms: try reader.number())
        value = reader.rest
        self.headers = headers
    }
}

extension RecordedBytes {
    /// Passes an entry of a store to `body`, as its changelog record.
    /// - Parameters:
    ///   - row: nil for a deletion.
    ///   - time: the timestamp of a deletion's record.
    static func pass(
        _ key: UnsafeRawBufferPointer, row: UnsafeRawBufferPointer?, deletedAt time: Timestamp?,
        to body: (
            _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?, Headers
        ) throws -> Void
    ) throws {
        guard let row else { return try body(key, nil, time, Headers()) }
        let record = try RecordedBytes(row: row)
        try body(key, record.value, record.timestamp, record.headers)
    }
}

extension ByteWriter {
    mutating func append(_ row: RecordedBytes) {
        if !row.headers.isEmpty {
            append(byte: RecordedBytes.headersMark)
            append(sized: row.headers)
        }
        append(bigEndian: row.timestamp.ms)
        append(contentsOf: row.value)
    }

    /// Replaces the writer's content by a row made from a changelog record. Valid until the next write.
    /// - Returns: nil for a deletion.
    mutating func row(
        _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp, _ headers: Headers
    ) -> UnsafeRawBufferPointer? {
        guard let value else { return nil }
        removeAll()
        append(RecordedBytes(value: value, timestamp: timestamp, headers: headers))
        return bytes
    }
}

/// A store whose changelog records carry headers.
@usableFromInline
package protocol HeaderKeepingStore: StateStore {
    /// Like `drainChanges(into:)`, with the headers of each value.
    func drainChanges(
        withHeaders body: (
            _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?, Headers
        ) throws -> Void
    ) throws

    /// Applies a changelog record with its headers.
    func restore(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp, headers: Headers) throws
}

extension HeaderKeepingStore {
    @usableFromInline package func drainChanges(
        into body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?, _ timestamp: Timestamp?) throws ->
            Void
    ) throws {
        try drainChanges { key, value, timestamp, _ in try body(key, value, timestamp) }
    }

    @usableFromInline package func restore(
        key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer?, timestamp: Timestamp
    ) throws {
        try restore(key: key, value: value, timestamp: timestamp, headers: Headers())
    }
}
