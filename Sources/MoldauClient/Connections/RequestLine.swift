internal import MoldauWire

/// The pending requests of one connection; responses come in the order of the requests.
struct RequestLine<Answer>: Sendable where Answer: Sendable {
    /// A request that was sent.
    struct Waiting: Sendable {
        let correlationID: Int32
        let api: ApiKey
        let version: Int16
        /// When its response is overdue.
        let deadline: Duration
        let answer: Answer
    }

    /// Why a response is rejected.
    enum Refusal: Error, Equatable {
        /// No request is pending.
        case unexpected(Int32)
        /// The response to another request must come first.
        case outOfOrder(expected: Int32, got: Int32)
    }

    private var waiting: [Waiting] = []
    private var taken = 0
    private var lastID: Int32 = 0

    var isEmpty: Bool { taken == waiting.count }

    /// Registers a request.
    /// - Returns: its correlation id.
    mutating func add(_ api: ApiKey, version: Int16, deadline: Duration, _ answer: Answer) -> Int32 {
        lastID = lastID == .max ? 0 : lastID + 1
        waiting.append(
            Waiting(correlationID: lastID, api: api, version: version, deadline: deadline, answer: answer))
        return lastID
    }

    /// The correlation id of a request that gets no response.
    mutating func addUnanswered() -> Int32 {
        lastID = lastID == .max ? 0 : lastID + 1
        return lastID
    }

    /// Removes and returns the request that is answered next.
    mutating func take(_ correlationID: Int32) throws(Refusal) -> Waiting {
        guard taken < waiting.count else { throw .unexpected(correlationID) }
        let first = waiting[taken]
        guard first.correlationID == correlationID else {
            throw .outOfOrder(expected: first.correlationID, got: correlationID)
        }
        taken += 1
        if taken == waiting.count || taken >= 64 {
            waiting.removeFirst(taken)
            taken = 0
        }
        return first
    }

    /// The earliest deadline of the pending requests; nil if there are none.
    var nextDeadline: Duration? { waiting[taken...].lazy.map(\.deadline).min() }

    /// A request whose response is overdue; nil if there is none.
    func late(at now: Duration) -> Waiting? { waiting[taken...].first { $0.deadline <= now } }

    /// Removes all requests, which will get no response.
    mutating func removeAll() -> [Waiting] {
        defer { (waiting, taken) = ([], 0) }
        return Array(waiting[taken...])
    }
}
