import MoldauBroker
import MoldauLog
import Synchronization

/// The answer to an external client's request: it arrives by a callback, or, after a crash, never.
final class StrangerReply<Value: Sendable>: Sendable {
    private let answer = Mutex<Result<Value, BrokerError>?>(nil)

    /// nil until it arrives.
    var result: Result<Value, BrokerError>? { answer.withLock { $0 } }

    /// The callback of the request.
    var give: @Sendable (Result<Value, BrokerError>) -> Void {
        { [self] result in answer.withLock { $0 = result } }
    }
}

/// A client's reaction to a refusal.
enum StrangerRefusal {
    /// It retries.
    case retry
    /// It has been replaced.
    case fenced
    /// Its transaction is not in the expected state.
    case noTransaction
    /// The outcome of the request is unknown.
    case lost
    /// No request of this client may be refused with this error.
    case wrong

    init(_ error: BrokerError) {
        self =
            switch error {
            case .transactionInProgress: .retry
            case .producerFenced, .unknownProducer, .log(_, .producerFenced(_, _, _)): .fenced
            case .invalidTransaction: .noTransaction
            case .storage, .closed, .log(_, .io(_, _, _, _)), .log(_, .offline(_)): .lost
            default: .wrong
            }
    }
}
