import HTTPTypes
import Hummingbird
import MoldauRecords
import MoldauRuntime
import NIOCore

/// The answer to a request.
struct Answer: Sendable {
    var status = HTTPResponse.Status.ok
    var headers: HTTPFields
    var body: ResponseBody

    init(_ body: ResponseBody, type: String) {
        headers = Self.guards
        headers.append(HTTPField(name: .contentType, value: type))
        self.body = body
    }

    init(_ value: JSONValue, status: HTTPResponse.Status = .ok) {
        var writer = ByteWriter(capacity: 1_024)
        value.write(to: &writer)
        self.init(ResponseBody(byteBuffer: ByteBuffer(bytes: writer.bytes)), type: "application/json")
        self.status = status
    }

    init(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws {
        self.init(ResponseBody(byteBuffer: ByteBuffer(bytes: try value.encoded())), type: "application/json")
        self.status = status
    }

    init(text: String, type: String) {
        self.init(ResponseBody(byteBuffer: ByteBuffer(string: text)), type: type)
    }

    var response: Response { Response(status: status, headers: headers, body: body) }

    /// Headers of every answer, which keep browsers from guessing its type or showing it inside another page.
    private static let guards: HTTPFields = [
        .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
        .contentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'",
        HTTPField.Name("Referrer-Policy")!: "no-referrer",  // A valid name.
    ]
}
