import MoldauRecords

/// A time span.
///
/// The end of a time window is exclusive; the end of a sliding window or a session is inclusive.
public struct Window: Hashable, Sendable, CustomStringConvertible {
    /// The first point in time that belongs to the window.
    public var start: Timestamp
    /// The end; the kind of window determines whether it is inclusive.
    public var end: Timestamp

    /// A window from `start` to `end`.
    @inlinable public init(start: Timestamp, end: Timestamp) {
        self.start = start
        self.end = end
    }

    /// The window that begins at `start`; its end is at most the last representable timestamp.
    @inlinable public init(start: Timestamp, size: Duration) {
        self.init(start: start, sizeMs: size.milliseconds)
    }

    @inlinable package init(start: Timestamp, sizeMs: Int64) {
        self.init(start: start, end: start.adding(ms: sizeMs))
    }

    /// The smallest window that contains both.
    @inlinable package func united(with other: Window) -> Window {
        Window(start: min(start, other.start), end: max(end, other.end))
    }

    public var description: String { "\(start)/\(end)" }
}

/// A key in a window: the key of windowed aggregates.
public struct Windowed<Key> {
    /// The key without its window.
    public var key: Key
    /// The window of the key.
    public var window: Window

    /// A key in a window.
    @inlinable public init(_ key: Key, in window: Window) {
        self.key = key
        self.window = window
    }

    /// The start of the window.
    @inlinable public var start: Timestamp { window.start }
    /// The end of the window; the kind of window determines whether it is inclusive.
    @inlinable public var end: Timestamp { window.end }
}

extension Windowed: Equatable where Key: Equatable {}
extension Windowed: Hashable where Key: Hashable {}
extension Windowed: Sendable where Key: Sendable {}

extension Windowed: CustomStringConvertible {
    /// The format that Kafka Streams prints.
    public var description: String { "[\(key)@\(window)]" }
}

extension Windowed {
    /// Like `serde(of:size:)`, for a key type with a built-in serde.
    @inlinable public static func serde(size: Duration) -> Serde<Windowed> where Key: StreamCodable {
        serde(of: Key.serde, size: size)
    }

    /// Like `sessionSerde(of:)`, for a key type with a built-in serde.
    public static func sessionSerde() -> Serde<Windowed> where Key: StreamCodable { sessionSerde(of: Key.serde) }

    /// The serde of windows of one size: the key, then the start in eight bytes, big-endian. The inner key decides the
    /// partition.
    /// - Parameters:
    ///   - key: the serde of the inner key.
    ///   - size: used to compute the end when a key is decoded; it is not encoded.
    @inlinable public static func serde(of key: Serde<Key>, size: Duration) -> Serde<Windowed> {
        key.lifted { key in
            let (encode, decode) = (key.encode, key.decode)
            let sizeMs = size.milliseconds
            return Serde(
                encode: { windowed, writer in
                    try encode(windowed.key, &writer)
                    writer.append(bigEndian: windowed.window.start.ms)
                },
                decode: { bytes in
                    let keyBytes = try keyBytes(bytes, beforeTrailerOf: timestampBytes)
                    let window = Window(start: time(in: bytes, at: keyBytes), sizeMs: sizeMs)
                    return Windowed(try decode(bytes.extracting(first: keyBytes)), in: window)
                },
                fixedSize: nil, trailerBytes: timestampBytes)
        }
    }

    /// The serde of sessions: the key, then end and start in eight bytes each, big-endian. The inner key decides the
    /// partition.
    public static func sessionSerde(of key: Serde<Key>) -> Serde<Windowed> {
        key.lifted { key in
            let (encode, decode) = (key.encode, key.decode)
            return Serde(
                encode: { windowed, writer in
                    try encode(windowed.key, &writer)
                    writer.append(bigEndian: windowed.window.end.ms)
                    writer.append(bigEndian: windowed.window.start.ms)
                },
                decode: { bytes in
                    let keyBytes = try keyBytes(bytes, beforeTrailerOf: 2 * timestampBytes)
                    let window = Window(
                        start: time(in: bytes, at: keyBytes + timestampBytes), end: time(in: bytes, at: keyBytes))
                    return Windowed(try decode(bytes.extracting(first: keyBytes)), in: window)
                },
                fixedSize: nil, trailerBytes: 2 * timestampBytes)
        }
    }

    @inlinable static func keyBytes(_ bytes: borrowing RawSpan, beforeTrailerOf count: Int) throws(SerdeError) -> Int {
        guard bytes.byteCount >= count else {
            throw tooShort(bytes.byteCount, for: count)
        }
        return bytes.byteCount - count
    }

    @usableFromInline static func tooShort(_ got: Int, for trailer: Int) -> SerdeError {
        .malformed(type: "windowed \(Key.self)", reason: "its window takes \(trailer) bytes, got \(got)")
    }

    @inlinable static func time(in bytes: borrowing RawSpan, at place: Int) -> Timestamp {
        Timestamp(
            ms: Int64(bigEndian: bytes.extracting(droppingFirst: place).unsafeLoadUnaligned(as: Int64.self)))
    }
}
