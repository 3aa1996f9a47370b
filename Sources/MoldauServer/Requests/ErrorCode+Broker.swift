internal import MoldauBroker
internal import MoldauLog
internal import MoldauRecords
internal import MoldauWire

extension ErrorCode {
    /// Kafka's error code for an error of the broker.
    /// - Parameter knowsFencing: whether the request's version knows PRODUCER_FENCED.
    init(_ error: BrokerError, knowsFencing: Bool = false) {
        self.init(rawValue: error.producerErrorCode(knowsFencing: knowsFencing) ?? error.kafkaErrorCode)
    }
}

extension BrokerError {
    /// The error message for a client, if Kafka's protocol has room for one.
    var reason: String? {
        switch self {
        case .unknownTopic(let name): "there is no topic '\(name)'"
        case .topicExists(let name): "Topic '\(name)' already exists."
        case .invalidTopic(let name, let reason): "'\(name)' is not a valid topic: \(reason)"
        case .invalidPartitions(_, let reason): reason
        case .tooManyPartitions(_, let limit): "there can be no more than \(limit) of its kind"
        case .undeletable(let name): "the records of \(name) are only compacted, never deleted"
        case .invalidSettings(_, let reason): reason
        case .internalTopic(let name): "'\(name)' holds the broker's own records: only the broker writes and deletes it"
        case .unknownPartition(let name, let count): "there is no partition \(name): the topic has \(count)"
        case .log(_, let cause), .storage(let cause): cause.description
        case .invalidTransaction(_, let reason), .invalidProducerRequest(let reason), .invalidCommit(let reason): reason
        default: nil
        }
    }
}
