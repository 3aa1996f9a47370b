// Which parts of a request a client is permitted. Every request declares this in a file of this folder; its handler
// gets only the permitted part, and needs no checks of its own.
//
//     request ──▶ permit ──▶ .whole                        ──▶ handler ──▶ answer
//                        ──▶ .part, what is not allowed is
//                            taken out of the request      ──▶ handler ──▶ answer ──▶ refusals added, what the client
//                                                                                    may not know taken out
//                        ──▶ .nothing                      ──▶ answer
//
// Only fetches differ: a fetch may wait, and its session outlives it, so it checks each partition when it reads it
// (`PartitionsFetch`).

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

/// The decision about a request of a client that access lists restrict.
enum Permit<Response: WireMessage> {
    /// All of it is handled.
    case whole
    /// The remaining part is handled, and its answer completed by this.
    case part(@Sendable (inout Response) -> Void)
    /// Nothing is handled; this is the answer.
    case nothing(Response)
    /// Nothing is handled; the connection is closed, because the request has no answer.
    case close(reason: String)

    /// Nothing is handled, and `fill` sets the answer.
    static func refused(_ fill: (inout Response) -> Void) -> Permit { .nothing(Response(fill)) }
}

extension Array {
    /// Removes the elements that are not permitted.
    /// - Returns: the removed elements, in their order.
    mutating func withhold(unless isAllowed: (Element) -> Bool) -> [Element] {
        let refused = filter { !isAllowed($0) }
        if !refused.isEmpty { self = filter(isAllowed) }
        return refused
    }
}
