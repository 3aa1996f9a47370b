// Serdes that know more than bytes: the topic that they write to or read, and the record's headers.
//
// Neither costs anything where it is not used. What a serde is for a topic is found once, when a topic, sink or store gets its name;
// whether headers go along is looked at when a source or a sink is wired.

import Synchronization

/// Which of a record's two parts a serde is for.
public enum RecordPart: Sendable, Hashable { case key, value }

extension Serde {
    /// How a serde works that also reads or writes the headers of the record that its bytes belong to.
    public struct HeaderCoding: Sendable {
        public let encode: @Sendable (Value, inout ByteWriter, inout Headers) throws -> Void
        public let decode: @Sendable (borrowing RawSpan, Headers) throws -> Value
    }

    /// A serde that is another one for each topic, as those of schema registries are, which name a schema for the topic.
    /// Docs/Serdes.md has an example.
    ///
    /// `make` gets a topic's name in the cluster: of repartition topics and of the changelogs of stores with the application's id
    /// before it, as Kafka Streams gives it to serializers. Parts of the keys and messages of a foreign-key join have the topic's name
    /// with `-pk`, `-fk` or `-vh` behind it. It is called when something is wired, not per record: once or several times
    /// for a topic, from any thread, and must not take long.
    /// - Parameter null: how the values of all topics say that they are null.
    public static func perTopic(
        null: Null? = nil, _ make: @escaping @Sendable (_ topic: String, _ part: RecordPart) -> Serde
    ) -> Serde {
        var serde = Serde(
            encode: { _, _ in throw SerdeError.topicNeeded(type: "\(Value.self)") },
            decode: { _ in throw SerdeError.topicNeeded(type: "\(Value.self)") }, null: null)
        serde.placed = { topic, part in
            let made = make(topic, part).at(topic, part)
            var placed = Serde(
                encode: made.encode, decode: made.decode, null: null, trailerBytes: made.trailerBytes,
                fixedSize: made.fixedSize)
            placed.headerCoding = made.headerCoding
            return placed
        }
        return serde
    }

    /// A serde that also reads and writes headers, such as one whose schema's id travels in a header. Docs/Serdes.md has an
    /// example.
    ///
    /// In topics, repartition topics too, the headers are those of the record; what is added goes out with it, the key's before the
    /// value's. Stores pass them where they keep headers (`HeadersKeyValueStore`); in others `decode` gets none, and
    /// those that `encode` adds are lost: such a serde reads bytes without headers as well, or the store is given another one.
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

    /// Whether it is another one for each topic.
    public var isPerTopic: Bool { placed != nil }

    /// Whether it reads or writes headers.
    public var usesHeaders: Bool { headerCoding != nil }

    /// The serde for that topic: this one, unless it is made per topic. It can be asked for another topic again.
    public func at(_ topic: String, _ part: RecordPart) -> Serde {
        guard let placed else { return self }
        var serde = placed(topic, part)
        serde.placed = placed
        return serde
    }

    /// This serde as it is, which cannot be asked for another topic any more.
    package var fixed: Serde {
        var serde = self
        serde.placed = nil
        return serde
    }

    /// What stands for this serde where several parts of a message have schemas of their own.
    package func at(suffix: String, _ part: RecordPart) -> Serde {
        guard let placed else { return self }
        var serde = self
        serde.placed = { topic, _ in placed(topic + suffix, part) }
        return serde
    }

    /// A serde made of this one, which sees the topic and the headers if this one does.
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
                    decode: decode, null: null, trailerBytes: trailerBytes, fixedSize: fixedSize)
                try make(inner).encode(value, &writer)
                headers = seen.headers
            },
            decode: { bytes, headers in
                let inner = Serde(
                    encode: encode, decode: { try headerCoding.decode($0, headers) }, null: null,
                    trailerBytes: trailerBytes, fixedSize: fixedSize)
                return try make(inner).decode(bytes)
            })
        return outer
    }

    /// A serde made of two others, which sees the topic if one of them does.
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
    /// Appends a value's bytes, and the headers that go with them.
    public func encode(_ value: Value, _ writer: inout ByteWriter, headers: inout Headers) throws {
        guard let headerCoding else { return try encode(value, &writer) }
        try headerCoding.encode(value, &writer, &headers)
    }

    /// The value of these bytes, or of a null where there are none, in a record with these headers.
    public func read(_ bytes: UnsafeRawBufferPointer?, headers: Headers) throws -> Value {
        guard let headerCoding, let bytes else { return try bytes.map { try decode($0.bytes) } ?? decodeNull() }
        return try headerCoding.decode(bytes.bytes, headers)
    }
}

/// The headers of a record while a serde within another one writes. Only its thread uses it.
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
