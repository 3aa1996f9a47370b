internal import MoldauLog
internal import MoldauWire

/// A request that the server answers. Those that conform are the APIs that it tells its clients of.
protocol ServedRequest: WireRequest {
    /// The versions that clients are told of.
    static var servedVersions: ClosedRange<Int16> { get }
    /// Whether an answer may take long, so that requests behind it wait, as they do in Kafka.
    static var mayWait: Bool { get }

    /// Does what is asked for, and answers by `call`, now or later. Called on a worker's thread, and may block.
    func serve<Files: FileSystem>(by service: RequestService<Files>, _ call: Call<Response>)
}

extension ServedRequest {
    static var servedVersions: ClosedRange<Int16> { api.versions }
    static var mayWait: Bool { false }

    /// Decodes a request and serves it.
    static func serve<Files: FileSystem>(
        _ header: RequestHeader, _ body: WireBytes, of connection: Connection, by service: RequestService<Files>,
        then reply: @escaping @Sendable (Answer) -> Void
    ) {
        do {
            let request = try Self(decoding: body, version: header.version, elementBytes: 16 << 20)
            request.serve(by: service, Call(header: header, connection: connection, reply: reply))
        } catch {
            reply(.close(reason: "a request cannot be read: \(api.name) \(header.version): \(error)"))
        }
    }
}

/// The requests that the server answers, by their APIs.
enum ServedRequests {
    static let all: [any ServedRequest.Type] = ApiKey.allCases.compactMap { $0.request as? any ServedRequest.Type }

    private static let byKey: [(any ServedRequest.Type)?] = {
        var table: [(any ServedRequest.Type)?] = []
        for type in all {
            let key = Int(type.api.rawValue)
            if key >= table.count { table += Array(repeating: nil, count: key + 1 - table.count) }
            table[key] = type
        }
        return table
    }()

    /// nil for a key that is not served.
    static subscript(key: Int16) -> (any ServedRequest.Type)? {
        byKey.indices.contains(Int(key)) ? byKey[Int(key)] : nil
    }
}
