// What precedes the body of a message in its frame.
//
//     request     key i16 · version i16 · correlation i32 · client id (length i16, −1 for null, in every version)
//     response    correlation i32
//
// In flexible versions tagged fields follow; none are known.

import MoldauRecords

/// The header of a request: which message its body is.
package struct RequestHeader: Equatable, Sendable {
    /// The number of the API; see `ApiKey`.
    package var key: Int16
    /// The version of the body.
    package var version: Int16
    /// Chosen by the client; the answer carries it too.
    package var correlationID: Int32
    /// The client's name for itself.
    package var clientID: String?

    /// The header of a request.
    package init(_ api: ApiKey, version: Int16, correlationID: Int32, clientID: String? = nil) {
        key = api.rawValue
        self.version = version
        self.correlationID = correlationID
        self.clientID = clientID
    }

    /// The API; nil if there are no messages of it here, so that its body cannot be read.
    package var api: ApiKey? { ApiKey(rawValue: key) }

    /// Reads the header at the front of a frame; the bytes after it are `body`.
    ///
    /// Unsupported versions have a header too: that of ApiVersions must be answered.
    /// - Throws: `SerdeError.malformed`.
    package init(of frame: WireBytes, body: inout WireBytes) throws(SerdeError) {
        var reader = FieldReader(frame.bytes, of: "request of Kafka's protocol")
        key = try reader.number()
        version = try reader.number()
        correlationID = try reader.number()
        let length = try reader.number(Int16.self)
        if length >= 0 {
            guard let text = String(utf8: try reader.bytes(Int(length))) else {
                throw reader.malformed("the client's id is not UTF-8")
            }
            clientID = text
        }
        if let api, api.requestHeader(version: version) > 1 { try reader.skipTaggedFields() }
        body = frame.view(of: reader.rest)
    }

    /// Appends the header.
    /// - Throws: `SerdeError.malformed` if the client's id is longer than 32,767 bytes.
    package func encode(into writer: inout ByteWriter) throws(SerdeError) {
        guard clientID?.utf8.count ?? 0 <= Int(Int16.max) else {
            throw .malformed(type: "request of Kafka's protocol", reason: "the client's id is too long")
        }
        writer.append(bigEndian: key)
        writer.append(bigEndian: version)
        writer.append(bigEndian: correlationID)
        if let clientID { writer.append(shortText: clientID) } else { writer.append(bigEndian: Int16(-1)) }
        if let api, api.requestHeader(version: version) > 1 { writer.append(byte: 0) }
    }
}

/// The header of a response: which request it answers.
package struct ResponseHeader: Equatable, Sendable {
    /// That of the request.
    package var correlationID: Int32

    /// The header of a response.
    package init(correlationID: Int32) { self.correlationID = correlationID }

    /// Reads the header at the front of a frame that answers a request of this API and version; the bytes after it are
    /// `body`.
    /// - Throws: `SerdeError.malformed`.
    package init(of frame: WireBytes, _ api: ApiKey, version: Int16, body: inout WireBytes) throws(SerdeError) {
        var reader = FieldReader(frame.bytes, of: "response of Kafka's protocol")
        correlationID = try reader.number()
        if api.responseHeader(version: version) > 0 { try reader.skipTaggedFields() }
        body = frame.view(of: reader.rest)
    }

    /// Appends the header of an answer to a request of this API and version.
    package func encode(into writer: inout ByteWriter, _ api: ApiKey, version: Int16) {
        writer.append(bigEndian: correlationID)
        if api.responseHeader(version: version) > 0 { writer.append(byte: 0) }
    }
}
