import Synchronization

/// What a console does at once, at most. Requests beyond it are refused with 503.
struct ConsoleLimits: Sendable {
    /// Of a request's path and query.
    static let urlBytes = 8_192
    static let headerBytes = 16_384
    static let connections = 8_000
    /// Entries of a page.
    static let entries = 1_000
    /// Records of a topic.
    static let records = 500

    /// Requests that wait for an answer.
    let requests = Places(1_024, of: "requests")
    let streams = Places(6_000, of: "event streams")
    /// Each is made on a thread of its own.
    let topicReads = Places(4, of: "reads of topics")
}

/// A number of places that are taken and given back.
final class Places: Sendable {
    private let limit: Int
    private let what: String
    private let taken = Mutex(0)

    init(_ limit: Int, of what: String) { (self.limit, self.what) = (limit, what) }

    /// - Throws: `ConsoleError.busy`.
    func take() throws(ConsoleError) {
        let isFree = taken.withLock { taken in
            guard taken < limit else { return false }
            taken += 1
            return true
        }
        guard isFree else { throw .busy("\(limit) \(what) are open already; ask again later") }
    }

    func giveBack() { taken.withLock { $0 -= 1 } }

    func during<Result>(_ body: () async throws -> Result) async throws -> Result {
        try take()
        defer { giveBack() }
        return try await body()
    }
}
