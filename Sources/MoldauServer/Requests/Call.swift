internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire
internal import NIOCore

/// A request that must be answered: once, from any thread.
struct Call<Response: WireMessage>: Sendable {
    let header: RequestHeader
    let connection: Connection
    let reply: @Sendable (Answer) -> Void
    /// Adds the refused parts of the request to the answer, and removes what the client is not permitted to know.
    var complete: (@Sendable (inout Response) -> Void)?

    var version: Int16 { header.version }

    /// The client's name for itself; empty if it sent none.
    var clientID: String { header.clientID ?? "" }

    /// Sends the answer.
    /// - Parameter records: the record batches for the gaps of the message, in their order.
    func answer(_ response: Response, records: [FetchedRecords] = []) {
        answer(response, version: version, records: records)
    }

    /// Sends the answer, and closes the connection.
    func answerLast(_ response: Response, reason: String) { answer(response, version: version, last: reason) }

    /// Sends the answer in another version than that of the request.
    func answer(_ response: Response, version: Int16, records: [FetchedRecords] = [], last: String? = nil) {
        var response = response
        complete?(&response)
        var writer = ByteWriter(capacity: 256)
        do throws(SerdeError) {
            writer.append(bigEndian: Int32(0))
            ResponseHeader(correlationID: header.correlationID).encode(into: &writer, Response.api, version: version)
            let gaps = try response.encode(into: &writer, version: version)
            let parts = Self.parts(writer.bytes, gaps, records)
            reply(last.map { .last(parts, reason: $0) } ?? .frame(parts))
        } catch {
            reply(.close(reason: "the answer to \(Response.api.name) cannot be encoded: \(error)"))
        }
    }

    /// Ends a request that has no answer.
    func answerNothing() { reply(.nothing) }

    /// Closes the connection instead of answering.
    func close(reason: String) { reply(.close(reason: reason)) }

    private static func parts(
        _ encoded: UnsafeRawBufferPointer, _ gaps: [RecordGap], _ records: [FetchedRecords]
    ) -> [Answer.Part] {
        let length = encoded.count - 4 + gaps.reduce(0) { $0 + $1.byteCount }
        var parts: [Answer.Part] = []
        var buffer = ByteBuffer()
        buffer.reserveCapacity(encoded.count + records.reduce(0) { $0 + $1.memoryBytes })
        buffer.writeInteger(Int32(length))
        var done = 4
        for (gap, content) in zip(gaps, records) {
            buffer.writeBytes(UnsafeRawBufferPointer(rebasing: encoded[done..<gap.position]))
            done = gap.position
            switch content {
            case .bytes(let bytes): buffer.writeBytes(bytes.bytes)
            case .file(let bytes):
                parts.append(.bytes(buffer))
                parts.append(.file(bytes))
                buffer = ByteBuffer()
            }
        }
        buffer.writeBytes(UnsafeRawBufferPointer(rebasing: encoded[done...]))
        parts.append(.bytes(buffer))
        return parts
    }
}

/// Record batches on their way to a client.
enum FetchedRecords: Sendable {
    case bytes(SharedBytes)
    /// In a file, from which they are sent.
    case file(FileBytes)

    var byteCount: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .file(let bytes): bytes.range.count
        }
    }

    fileprivate var memoryBytes: Int { if case .bytes(let bytes) = self { bytes.count } else { 0 } }
}
