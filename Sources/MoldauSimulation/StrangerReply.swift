import MoldauBroker
import MoldauLog
import Synchronization

/// The answer to a stranger's request: it comes with a callback, or, after a crash, never.
final class StrangerReply<Value: Sendable>: Sendable {
    private let answer = Mutex<Result<Value, BrokerError>?>(nil)

    /// nil as long as there is none.
    var result: Result<Value, BrokerError>? { answer.withLock { $0 } }

    /// The callback.
    var give: @Sendable (Result<Value, BrokerError>) -> Void {
        { [self] result in answer.withLock { $0 = result } }
    }
}

/// What a client does about a refusal.
enum StrangerRefusal {
    /// It asks again.
    case retry
    /// It has been replaced.
    case fenced
    /// Its transaction is not what it takes it for.
    case noTransaction
    /// Nobody knows whether the request was carried out.
    case lost
    /// It did nothing that could be refused so.
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
