internal import Logging
internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

/// A request that the server supports. The conforming types are the APIs that it advertises to clients.
protocol ServedRequest: WireRequest {
    /// The versions that are advertised to clients.
    static var servedVersions: ClosedRange<Int16> { get }
    /// Whether an answer may take long, so that later requests wait for it, as they do in Kafka.
    static var mayWait: Bool { get }

    /// Removes the parts of the request that access lists do not permit, and decides how it is handled. Called only if
    /// they restrict the client.
    mutating func permit<Files: FileSystem>(
        _ access: Access, _ version: Int16, _ service: RequestService<Files>
    ) -> Permit<Response>

    /// Handles the request, and answers through `call`, now or later. Called on a worker's thread, and may block.
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
            var request = try Self(decoding: body, version: header.version, elementBytes: 16 << 20)
            var call = Call<Response>(header: header, connection: connection, reply: reply)
            let access = service.access(of: connection)
            if !access.isUnrestricted {
                let permit = request.permit(access, header.version, service)
                switch permit {
                case .whole: break
                case .part(let complete): call.complete = complete
                case .nothing(let refusal):
                    service.logger.info(
                        "a request was refused: no access rule allows it",
                        metadata: [
                            "request": "\(api.name)", "principal": "\(access.principal)",
                            "client": "\(connection.clientAddress)",
                        ])
                    return call.answer(refusal)
                case .close(let reason): return call.close(reason: reason)
                }
            }
            request.serve(by: service, call)
        } catch {
            reply(.close(reason: "a request cannot be read: \(api.name) \(header.version): \(error)"))
        }
    }
}

/// The supported requests, by their APIs.
package enum ServedRequests {
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

    /// The supported versions, by the key of the API, in order.
    package static var versions: [(key: Int16, versions: ClosedRange<Int16>)] {
        all.map { ($0.api.rawValue, $0.servedVersions) }.sorted(on: \.key)
    }

    /// A row for each API, as in the documentation: key, name and versions.
    package static var table: [String] {
        all.sorted { $0.api.rawValue < $1.api.rawValue }.map { request in
            let versions = request.servedVersions
            return "| \(request.api.rawValue) | \(request.api.name) | \(versions.lowerBound)–\(versions.upperBound) |"
        }
    }

    /// nil for an unsupported key.
    static subscript(key: Int16) -> (any ServedRequest.Type)? {
        byKey.indices.contains(Int(key)) ? byKey[Int(key)] : nil
    }
}
