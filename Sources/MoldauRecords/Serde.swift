/// Converts a type to bytes and back.
///
/// `encode` appends to the writer, which may already hold the bytes of other values, and must not change those.
/// `decode` reads exactly the bytes that it is given. They may come from anywhere, so it must throw `SerdeError` on
/// bytes it cannot read and must never trap. Both are called from several threads at a time.
public struct Serde<Value>: Sendable {
    /// Appends the encoded value.
    public typealias Encode = @Sendable (Value, inout ByteWriter) throws -> Void
    /// Decodes a value from exactly these bytes.
    public typealias Decode = @Sendable (borrowing RawSpan) throws -> Value

    /// How a type that has a null represents it. A null key or value has no bytes at all; that is not the same as zero
    /// bytes.
    public struct Null: Sendable {
        /// Whether a value is written as a null.
        public let isNull: @Sendable (Value) -> Bool
        /// Makes the value for null.
        public let make: @Sendable () -> Value

        /// How a type represents Kafka's null.
        @inlinable public init(isNull: @escaping @Sendable (Value) -> Bool, make: @escaping @Sendable () -> Value) {
            self.isNull = isNull
            self.make = make
        }
    }

    /// Appends the encoded value to the writer.
    public let encode: Encode
    /// Decodes a value from exactly these bytes.
    public let decode: Decode

    /// nil for a type without a null: reading a null from a topic then throws `SerdeError.nullNotExpected`.
    public let null: Null?

    /// How many bytes at the end of a key do not affect its partition: the window of a windowed key.
    @usableFromInline package let trailerBytes: Int

    /// The number of bytes that every value takes, for the types that Kafka's lists store without lengths: numbers and
    /// UUIDs.
    @usableFromInline package let fixedSize: Int?

    /// The name of the byte format: a store that holds bytes of one format is not opened with another. nil: not
    /// compared.
    ///
    /// Moldau's own are `utf8`, `bytes`, `int8` to `int64`, `uint8` to `uint64`, `float32`, `float64`, `bool`, `uuid`,
    /// `json`, `void` and `list(…)`. Give a serde of your own a name that changes when its bytes do.
    public var format: String?

    /// Makes the serde of a topic; nil if it is the same for all topics.
    @usableFromInline var placed: (@Sendable (_ topic: String, _ part: RecordPart) -> Serde)?

    /// nil if the serde does not use headers.
    @usableFromInline package var headerCoding: HeaderCoding?

    /// A serde from these functions.
    @inlinable public init(
        encode: @escaping Encode, decode: @escaping Decode, null: Null? = nil, format: String? = nil
    ) {
        self.init(encode: encode, decode: decode, null: null, fixedSize: nil, format: format)
    }

    @inlinable package init(
        encode: @escaping Encode, decode: @escaping Decode, null: Null? = nil, fixedSize: Int?, trailerBytes: Int = 0,
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

    /// Whether this value is encoded as a null.
    @inlinable public func isNull(_ value: Value) -> Bool { null?.isNull(value) ?? false }

    /// The value that a null from a topic is decoded to.
    /// - Throws: `SerdeError.nullNotExpected` if the type has no null.
    @inlinable public func decodeNull() throws(SerdeError) -> Value {
        guard let null else { throw .nullNotExpected(type: "\(Value.self)") }
        return null.make()
    }

    /// Encodes a value into a new array.
    /// - Throws: what the serde throws.
    public func bytes(of value: Value) throws -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        try encode(value, &writer)
        return [UInt8](writer.bytes)
    }

    /// Decodes a value; `bytes` is nil for a null.
    /// - Throws: `SerdeError`, or what the serde throws.
    public func value(of bytes: [UInt8]?) throws -> Value {
        guard let bytes else { return try decodeNull() }
        return try bytes.withUnsafeBytes { try decode($0.bytes) }
    }

    /// The serde of `Value?`: nil is encoded as a null, everything else as by this serde.
    @inlinable public var optional: Serde<Value?> {
        lifted { wrapped in
            let (encode, decode) = (wrapped.encode, wrapped.decode)
            return Serde<Value?>(
                encode: { value, writer in if let value { try encode(value, &writer) } },
                decode: { bytes in try decode(bytes) },
                null: .init(isNull: { $0 == nil }, make: { nil }), fixedSize: nil, trailerBytes: wrapped.trailerBytes,
                format: wrapped.format)
        }
    }
}

/// Why bytes could not be decoded, or a value not encoded.
public enum SerdeError: Error, Equatable, CustomStringConvertible {
    /// A key or value of this type is never null, but a null was read.
    case nullNotExpected(type: String)
    /// A type of fixed size was given another number of bytes.
    case wrongLength(type: String, expected: Int, got: Int)
    /// The bytes are not valid UTF-8.
    case invalidUTF8
    /// The serde is made per topic but was used without a topic: get one with `Serde.at(_:_:)`.
    case topicNeeded(type: String)
    /// The bytes do not have the expected format.
    case malformed(type: String, reason: String)

    public var description: String {
        switch self {
        case .nullNotExpected(let type):
            "got null where \(type) was expected; declare the topic with \(type)? if nulls are intended"
        case .wrongLength(let type, let expected, let got): "\(type) takes \(expected) bytes, got \(got)"
        case .invalidUTF8: "the bytes are not UTF-8 text"
        case .topicNeeded(let type): "the serde of \(type) is made per topic; get that of a topic with at(_:_:)"
        case .malformed(let type, let reason): "the bytes are not a valid \(type): \(reason)"
        }
    }
}

/// A type that knows how it is encoded in topics and stores.
///
/// To write a serde of your own, give two closures:
///
/// ```swift
/// struct Celsius: StreamCodable {
///     var degrees: Double
///     static let serde = Serde<Celsius>(
///         encode: { value, writer in try Double.serde.encode(value.degrees, &writer) },
///         decode: { bytes in Celsius(degrees: try Double.serde.decode(bytes)) })
/// }
/// ```
/// A topic reads `serde` once and keeps it.
public protocol StreamCodable: SendableMetatype {
    /// Converts values of this type to bytes and back.
    static var serde: Serde<Self> { get }
}

extension Optional: StreamCodable where Wrapped: StreamCodable {
    /// The wrapped type's serde, with nil as Kafka's null.
    public static var serde: Serde<Wrapped?> { Wrapped.serde.optional }
}
