import Synchronization

/// The most that a console does at once. Requests beyond that are refused with 503.
struct ConsoleLimits: Sendable {
    /// The bytes of a request's path and query.
    static let urlBytes = 8_192
    static let headerBytes = 16_384
    static let connections = 8_000
    /// The entries of a page.
    static let entries = 1_000
    /// The records read from a topic.
    static let records = 500

    /// Requests waiting for an answer.
    let requests = Places(1_024, of: "requests")
    let streams = Places(6_000, of: "event streams")
    /// Each read runs on a thread of its own.
    let topicReads = Places(4, of: "reads of topics")
}

/// A limited number of places, which are taken and given back.
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
        guard isFree else { throw .busy("\(limit) \(what) are already open; try again later") }
    }

    func giveBack() { taken.withLock { $0 -= 1 } }

    func during<Result>(_ body: () async throws -> Result) async throws -> Result {
        try take()
        defer { giveBack() }
        return try await body()
    }
}
