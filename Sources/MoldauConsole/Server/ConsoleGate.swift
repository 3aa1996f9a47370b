import HTTPTypes

/// Decides which requests are allowed.
struct ConsoleGate: Sendable {
    /// nil: no token is needed.
    private let token: [UInt8]?
    private let checksHost: Bool

    init(_ address: ConsoleAddress) {
        token = address.token.map { Array($0.utf8) }
        if case .local = address.access { checksHost = true } else { checksHost = false }
    }

    /// - Parameter isOpen: whether the answer reveals none of the data.
    /// - Throws: `ConsoleError`.
    func check(_ head: HTTPRequest, isOpen: Bool) throws(ConsoleError) {
        if checksHost { try checkHost(head.authority) }
        guard head.method == .get else { throw .notAllowed }
        guard head.path?.utf8.count ?? 0 <= ConsoleLimits.urlBytes else { throw .tooLong }
        guard let token, !isOpen else { return }
        guard let field = head.headerFields[.authorization], field.lowercased().hasPrefix("bearer ") else {
            throw .unauthorized
        }
        guard Self.areEqual(Array(field.utf8.dropFirst(7)), token) else { throw .unauthorized }
    }

    /// Constant time: the duration depends only on the lengths.
    private static func areEqual(_ given: [UInt8], _ wanted: [UInt8]) -> Bool {
        given.count == wanted.count && zip(given, wanted).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private func checkHost(_ authority: String?) throws(ConsoleError) {
        guard let authority else { throw .foreignHost("") }
        // A port follows the last colon, unless that is within an IPv6 address.
        let end = authority.lastIndex(of: ":") ?? authority.endIndex
        let host = authority.hasSuffix("]") ? authority[...] : authority[..<end]
        guard ["localhost", "127.0.0.1", "[::1]"].contains(host.lowercased()) else { throw .foreignHost(authority) }
    }
}
