// Which of a request a client may have done. Every request says so, in a file of this folder: its handler gets what is
// left, and need not think of it.
//
//     request ──▶ permit ──▶ .whole                        ──▶ handler ──▶ answer
//                        ──▶ .part, what is not allowed is
//                            taken out of the request      ──▶ handler ──▶ answer ──▶ refusals added, what the client
//                                                                                    may not know taken out
//                        ──▶ .nothing                      ──▶ answer
//
// Only reading is different: a fetch may wait, and its session outlives it, so that it asks for each partition when it
// reads that (`PartitionsFetch`).

internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

/// What becomes of a request of a client that access lists restrict.
enum Permit<Response: WireMessage> {
    /// All of it is done.
    case whole
    /// What is left of it is done, and its answer changed.
    case part(@Sendable (inout Response) -> Void)
    /// Nothing is done; this is the answer.
    case nothing(Response)
    /// Nothing is done; the connection ends, since the request has no answer.
    case close(reason: String)

    /// Nothing is done, and the answer tells this.
    static func refused(_ fill: (inout Response) -> Void) -> Permit { .nothing(Response(fill)) }
}

extension Array {
    /// Takes out what is not allowed.
    /// - Returns: what was taken out, in its order.
    mutating func withhold(unless isAllowed: (Element) -> Bool) -> [Element] {
        let refused = filter { !isAllowed($0) }
        if !refused.isEmpty { self = filter(isAllowed) }
        return refused
    }
}
