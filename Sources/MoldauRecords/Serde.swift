/// How a type becomes bytes and comes back.
///
/// `encode` appends to the writer, which may hold the bytes of other values already: they stay as they are. `decode` reads
/// exactly the bytes that it is given; they may come from anywhere, so it throws `SerdeError` on what it cannot read and never
/// traps. Both are called from several threads at a time.
public struct Serde<Value>: Sendable {
    public typealias Encode = @Sendable (Value, inout ByteWriter) throws -> Void
    public typealias Decode = @Sendable (borrowing RawSpan) throws -> Value

    /// How a type that has a null says it. A null key or value is no bytes at all, not zero bytes.
    public struct Null: Sendable {
        public let isNull: @Sendable (Value) -> Bool
        public let make: @Sendable () -> Value

        @inlinable public init(isNull: @escaping @Sendable (Value) -> Bool, make: @escaping @Sendable () -> Value) {
            self.isNull = isNull
            self.make = make
        }
    }

    public let encode: Encode
    public let decode: Decode

    /// nil for a type without a null: then a null from a topic is a `SerdeError.nullNotExpected`.
    public let null: Null?

    /// How many of a key's last bytes do not decide its partition: the window of a windowed key.
    public let trailerBytes: Int

    /// The bytes that every value takes, for the types that Kafka's lists keep without lengths: numbers and UUIDs.
    public let fixedSize: Int?

    /// What the bytes are called: a store that holds bytes of one format is not opened with another one. nil: not compared.
    ///
    /// Moldau's own are `utf8`, `bytes`, `int8` to `int64`, `uint8` to `uint64`, `float32`, `float64`, `bool`, `uuid`,
    /// `json`, `void` and `list(…)`. Give a serde of your own a name that changes when its bytes do.
    public var format: String?

    /// What makes the serde of a topic; nil: it is the same for all.
    @usableFromInline var placed: (@Sendable (_ topic: String, _ part: RecordPart) -> Serde)?

    /// nil: headers are none of its business.
    @usableFromInline package var headerCoding: HeaderCoding?

    @inlinable public init(
        encode: @escaping Encode,
        decode: @escaping Decode,
        null: Null? = nil,
        trailerBytes: Int = 0,
        fixedSize: Int? = nil,
        format: String? = nil
    ) {
        self.encode = encode
        self.decode = decode
        self.null = null
        self.trailerBytes = trailerBytes
        self.fixedSize = fixedSize
        self.format = format
        placed = nil
        headerCoding = nil
    }

    /// Whether this value is written as a null.
    @inlinable public func isNull(_ value: Value) -> Bool { null?.isNull(value) ?? false }

    /// What a null from a topic is read as.
    /// - Throws: `SerdeError.nullNotExpected` when the type has none.
    public func decodeNull() throws(SerdeError) -> Value {
        guard let null else { throw .nullNotExpected(type: "\(Value.self)") }
        return null.make()
    }

    /// The bytes of a value, in memory of their own.
    public func bytes(of value: Value) throws -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        try encode(value, &writer)
        return [UInt8](writer.bytes)
    }

    /// The value of these bytes, or of a null where there are none.
    public func value(of bytes: [UInt8]?) throws -> Value {
        guard let bytes else { return try decodeNull() }
        return try bytes.withUnsafeBytes { try decode($0.bytes) }
    }

    /// The serde of `Value?`: nil is null, everything else as here.
    @inlinable public var optional: Serde<Value?> {
        lifted { wrapped in
            let (encode, decode) = (wrapped.encode, wrapped.decode)
            return Serde<Value?>(
                encode: { value, writer in if let value { try encode(value, &writer) } },
                decode: { bytes in try decode(bytes) },
                null: .init(isNull: { $0 == nil }, make: { nil }), trailerBytes: wrapped.trailerBytes,
                format: wrapped.format)
        }
    }
}

/// Why bytes could not be read as a type, or a value not written.
public enum SerdeError: Error, Equatable, CustomStringConvertible {
    /// A key or value of that type is never null, and a null came.
    case nullNotExpected(type: String)
    /// A type of fixed size met another number of bytes.
    case wrongLength(type: String, expected: Int, got: Int)
    /// The bytes are no UTF-8.
    case invalidUTF8
    /// The serde is made per topic, and is used without one: `Serde.at(_:_:)` gives it for a topic.
    case topicNeeded(type: String)
    /// The bytes are not what the format prescribes.
    case malformed(type: String, reason: String)

    public var description: String {
        switch self {
        case .nullNotExpected(let type):
            "a null where \(type) is expected; declare the topic with \(type)? if nulls are meant to be there"
        case .wrongLength(let type, let expected, let got): "\(type) takes \(expected) bytes, got \(got)"
        case .invalidUTF8: "the bytes are not UTF-8 text"
        case .topicNeeded(let type): "the serde of \(type) is made per topic; ask at(_:_:) for that of a topic"
        case .malformed(let type, let reason): "the bytes are no \(type): \(reason)"
        }
    }
}

/// A type that knows how it is written to topics and stores.
///
/// A serde of one's own is two closures:
///
/// ```swift
/// struct Celsius: StreamCodable {
///     var degrees: Double
///     static let serde = Serde<Celsius>(
///         encode: { value, writer in try Double.serde.encode(value.degrees, &writer) },
///         decode: { bytes in Celsius(degrees: try Double.serde.decode(bytes)) })
/// }
/// ```
/// A topic asks for `serde` once and keeps it.
public protocol StreamCodable: SendableMetatype {
    static var serde: Serde<Self> { get }
}

extension Optional: StreamCodable where Wrapped: StreamCodable {
    public static var serde: Serde<Wrapped?> { Wrapped.serde.optional }
}
