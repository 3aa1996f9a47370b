// Serdes that use more than a value's bytes: the topic that they write to or read from, and the record's headers.
//
// Neither costs anything if it is not used. The serde for a topic is looked up once, when a topic, sink or store gets
// its name; whether headers are passed is decided when a source or sink is wired.

import Synchronization

/// Which of a record's two parts a serde is for.
public enum RecordPart: Sendable, Hashable {
    /// The record's key.
    case key
    /// The record's value.
    case value
}

extension Serde {
    /// The coding of a serde that also reads or writes the headers of its record.
    @usableFromInline
    package struct HeaderCoding: Sendable {
        /// Appends the encoded value, and may add headers to its record.
        package let encode: @Sendable (Value, inout ByteWriter, inout Headers) throws -> Void
        /// Decodes a value, with the headers of its record.
        package let decode: @Sendable (borrowing RawSpan, Headers) throws -> Value
    }

    /// A serde that differs from topic to topic, such as a schema registry's, which finds a schema by the topic's name.
    /// Docs/Serdes.md has an example.
    ///
    /// `make` gets the topic's name in the cluster. The names of repartition topics and changelogs begin with the
    /// application's id, as Kafka Streams passes them to serializers. The parts of the keys and messages of a
    /// foreign-key join get the topic's name followed by `-pk`, `-fk` or `-vh`. `make` is called during wiring, not per
    /// record: once or several times for a topic, from any thread, so it must be fast.
    /// - Parameters:
    ///   - null: how values of all topics represent null.
    ///   - make: returns the serde of a topic's keys or values.
    public static func perTopic(
        null: Null? = nil, _ make: @escaping @Sendable (_ topic: String, _ part: RecordPart) -> Serde
    ) -> Serde {
        var serde = Serde(
            encode: { _, _ in throw SerdeError.topicNeeded(type: "\(Value.self)") },
            decode: { _ in throw SerdeError.topicNeeded(type: "\(Value.self)") }, null: null)
        serde.placed = { topic, part in
            let made = make(topic, part).at(topic, part)
            var placed = Serde(
                encode: made.encode, decode: made.decode, null: null, fixedSize: made.fixedSize,
                trailerBytes: made.trailerBytes)
            placed.headerCoding = made.headerCoding
            return placed
        }
        return serde
    }

    /// A serde that also reads and writes headers, for example one that carries a schema's id in a header.
    /// Docs/Serdes.md has an example.
    ///
    /// In topics, repartition topics included, the headers are the record's own; those that `encode` adds are sent with
    /// it, the key's before the value's. Stores that keep headers (`HeadersKeyValueStore`) pass them too. In other
    /// stores `decode` gets no headers and those that `encode` adds are lost, so the serde must also be able to read
    /// bytes without headers, or the store needs another serde.
    public init(
        encode: @escaping @Sendable (Value, inout ByteWriter, inout Headers) throws -> Void,
        decode: @escaping @Sendable (borrowing RawSpan, Headers) throws -> Value, null: Null? = nil
    ) {
        self.init(
            encode: { value, writer in
                var headers = Headers()
                try encode(value, &writer, &headers)
            },
            decode: { bytes in try decode(bytes, Headers()) }, null: null)
        headerCoding = HeaderCoding(encode: encode, decode: decode)
    }

    /// Whether the serde differs from topic to topic.
    @usableFromInline package var isPerTopic: Bool { placed != nil }

    /// Whether the serde reads or writes headers.
    @inlinable package var usesHeaders: Bool { headerCoding != nil }

    /// The serde for a topic: this one, unless it is made per topic. The result can be asked for another topic again.
    public func at(_ topic: String, _ part: RecordPart) -> Serde {
        guard let placed else { return self }
        var serde = placed(topic, part)
        serde.placed = placed
        return serde
    }

    /// This serde without its per-topic maker: `at` then always returns the same serde.
    package var fixed: Serde {
        var serde = self
        serde.placed = nil
        return serde
    }

    /// A per-topic serde that is asked for the topic's name with a suffix, for a message whose parts have schemas of
    /// their own.
    package func at(suffix: String, _ part: RecordPart) -> Serde {
        guard let placed else { return self }
        var serde = self
        serde.placed = { topic, _ in placed(topic + suffix, part) }
        return serde
    }

    /// A serde built on this one. It is made per topic and sees headers if this one does.
    @inlinable package func lifted<Outer>(_ make: @escaping @Sendable (Serde) -> Serde<Outer>) -> Serde<Outer> {
        let outer = make(self)
        return placed == nil && headerCoding == nil ? outer : lifted(to: outer, make)
    }

    @usableFromInline func lifted<Outer>(
        to outer: Serde<Outer>, _ make: @escaping @Sendable (Serde) -> Serde<Outer>
    ) -> Serde<Outer> {
        var outer = outer
        if placed != nil { outer.placed = { topic, part in at(topic, part).lifted(make) } }
        guard let headerCoding else { return outer }
        outer.headerCoding = .init(
            encode: { value, writer, headers in
                let seen = SeenHeaders(headers)
                let inner = Serde(
                    encode: { value, writer in try seen.change { try headerCoding.encode(value, &writer, &$0) } },
                    decode: decode, null: null, fixedSize: fixedSize, trailerBytes: trailerBytes)
                try make(inner).encode(value, &writer)
                headers = seen.headers
            },
            decode: { bytes, headers in
                let inner = Serde(
                    encode: encode, decode: { try headerCoding.decode($0, headers) }, null: null,
                    fixedSize: fixedSize, trailerBytes: trailerBytes)
                return try make(inner).decode(bytes)
            })
        return outer
    }

    /// A serde built on two others. It is made per topic if one of them is.
    package static func lifted<Left, Right>(
        _ left: Serde<Left>, _ right: Serde<Right>,
        _ make: @escaping @Sendable (Serde<Left>, Serde<Right>) -> Serde
    ) -> Serde {
        var serde = make(left, right)
        if left.isPerTopic || right.isPerTopic {
            serde.placed = { topic, part in make(left.at(topic, part), right.at(topic, part)) }
        }
        return serde
    }
}

extension Serde {
    /// Appends a value's bytes, and adds the headers that belong to them.
    /// - Throws: what the serde throws.
    @inlinable public func encode(_ value: Value, _ writer: inout ByteWriter, headers: inout Headers) throws {
        if usesHeaders { try encode(value, &writer, adding: &headers) } else { try encode(value, &writer) }
    }

    @usableFromInline func encode(_ value: Value, _ writer: inout ByteWriter, adding headers: inout Headers) throws {
        try headerCoding?.encode(value, &writer, &headers)
    }

    /// Decodes a value from a record with these headers; `bytes` is nil for a null.
    /// - Throws: `SerdeError`, or what the serde throws.
    @inlinable public func read(_ bytes: UnsafeRawBufferPointer?, headers: Headers) throws -> Value {
        guard let bytes else { return try decodeNull() }
        return usesHeaders ? try read(bytes, seeing: headers) : try decode(bytes.bytes)
    }

    @usableFromInline func read(_ bytes: UnsafeRawBufferPointer, seeing headers: Headers) throws -> Value {
        guard let headerCoding else { return try decode(bytes.bytes) }
        return try headerCoding.decode(bytes.bytes, headers)
    }
}

/// The headers of a record, kept while a serde inside another one encodes. Used by one thread only.
private final class SeenHeaders: Sendable {
    private let current: Mutex<Headers>

    init(_ headers: Headers) { current = Mutex(headers) }

    var headers: Headers { current.withLock { $0 } }

    func change(_ body: (inout Headers) throws -> Void) throws {
        var headers = headers
        try body(&headers)
        current.withLock { $0 = headers }
    }
}
