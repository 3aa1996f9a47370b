import MoldauRecords

/// A part of a message: fields in a fixed order, and in flexible versions tagged fields behind them.
///
/// It lists its fields once, in the order of the wire:
///
/// ```swift
/// package mutating func fields(_ wire: inout WireCodec) throws(SerdeError) {
///     try wire("transactionalId", &transactionalID, since: 3)
///     try wire("acks", &acks)
///     try wire("topicData", &topicData)
/// }
/// ```
///
/// Reading, writing and listing by name all run through this list, so that they cannot disagree. A field that a version
/// does not have keeps its default when it is read, and is left out when it is written.
package protocol WireFields: Equatable, Sendable {
    /// All fields have their defaults.
    init()

    /// Reads, writes or lists the fields, in the order of the wire.
    mutating func fields(_ wire: inout WireCodec) throws(SerdeError)

    /// Reads, writes or lists the tagged fields; most types have none.
    mutating func tags(_ wire: inout WireCodec) throws(SerdeError)
}

extension WireFields {
    package mutating func tags(_ wire: inout WireCodec) throws(SerdeError) {}

    /// A value whose fields `fill` sets; the others have their defaults.
    package init<Failure: Error>(_ fill: (inout Self) throws(Failure) -> Void) throws(Failure) {
        self.init()
        try fill(&self)
    }
}

/// The body of a request or a response of one of Kafka's APIs.
package protocol WireMessage: WireFields {
    /// The API that the message belongs to.
    static var api: ApiKey { get }
}

/// The body of a request.
package protocol WireRequest: WireMessage {
    /// The body of the response, in the same version.
    associatedtype Response: WireMessage

    /// The lowest version with all fields that this request needs; 0 unless its fields require another.
    var leastVersion: Int16 { get }
}

extension WireRequest {
    package var leastVersion: Int16 { 0 }
}

extension WireMessage {
    /// Decodes a body. Strings are copied; record data and other bytes are views into `body`.
    ///
    /// Bytes after the last field are ignored, as in Kafka's broker: librdkafka 2.16 sends some. When it asks for
    /// brokers alone by Metadata 12, it writes the count of topics in four bytes instead of one.
    /// - Parameter elementBytes: how much memory the elements of all lists may take together. Elements can take many
    ///   times the bytes that they have on the wire.
    /// - Throws: `SerdeError.malformed` for anything but a body of this version.
    package init(
        decoding body: WireBytes, version: Int16, elementBytes: Int = 64 << 20
    ) throws(SerdeError) {
        self.init()
        var wire = WireCodec(reading: body, of: Self.api, version: version, elementBytes: elementBytes)
        do {
            try wire.message(&self)
        } catch .malformed(_, let reason) {
            throw .malformed(type: "\(Self.self) of version \(version)", reason: reason)
        }
    }

    /// Appends the encoded body, without record data that is elsewhere.
    /// - Returns: where that belongs, in the order of the partitions; the positions are those in the writer.
    /// - Throws: `SerdeError.malformed` if a text or a list is too long for its field; the writer then holds what it
    ///   held before.
    package func encode(into writer: inout ByteWriter, version: Int16) throws(SerdeError) -> [RecordGap] {
        let start = writer.count
        do {
            return try withUnsafeMutablePointer(to: &writer) { writer throws(SerdeError) in
                var wire = WireCodec(writing: writer, of: Self.api, version: version)
                var message = self
                try wire.message(&message)
                return wire.gaps
            }
        } catch {
            writer.truncate(to: start)
            throw error
        }
    }

    /// Shows each field of `version` to a visitor, which may change it.
    package mutating func visit(_ visitor: any FieldVisitor, version: Int16) throws(SerdeError) {
        var wire = WireCodec(visiting: visitor, of: Self.api, version: version)
        try wire.message(&self)
    }
}
