internal import MoldauBroker
internal import MoldauLog
internal import MoldauWire

extension ErrorCode {
    /// What Kafka calls an error of the broker.
    /// - Parameter knowsFencing: whether the request's version knows PRODUCER_FENCED.
    init(_ error: BrokerError, knowsFencing: Bool = false) {
        if let code = error.producerErrorCode(knowsFencing: knowsFencing) {
            self.init(rawValue: code)
            return
        }
        switch error {
        case .unknownTopic, .unknownPartition: self = .unknownTopicOrPartition
        case .topicExists: self = .topicAlreadyExists
        case .invalidTopic, .internalTopic: self = .invalidTopicException
        case .invalidSettings: self = .invalidConfig
        case .unreadable: self = .coordinatorNotAvailable
        case .log(_, let cause), .storage(let cause): self.init(cause)
        case .invalidCommit: self = .offsetMetadataTooLarge
        case .groupInUse: self = .nonEmptyGroup
        case .closed: self = .notLeaderOrFollower
        default: self = .unknownServerError
        }
    }

    /// What Kafka calls an error of a partition's log.
    init(_ error: LogError) {
        switch error {
        case .offsetOutOfRange: self = .offsetOutOfRange
        case .invalidBatch: self = .corruptMessage
        case .batchTooLarge: self = .messageTooLarge
        case .controlBatch, .nullKey: self = .invalidRecord
        case .invalidConfiguration: self = .invalidConfig
        default: self = .kafkaStorageError
        }
    }
}

extension BrokerError {
    /// The sentence for a client, where Kafka's protocol has room for one.
    var reason: String? {
        switch self {
        case .unknownTopic(let name): "there is no topic '\(name)'"
        case .topicExists(let name): "Topic '\(name)' already exists."
        case .invalidTopic(let name, let reason): "'\(name)' is no topic: \(reason)"
        case .invalidSettings(_, let reason): reason
        case .internalTopic(let name): "'\(name)' holds the broker's own records: only the broker writes and deletes it"
        case .unknownPartition(let name, let count): "there is no partition \(name): the topic has \(count)"
        case .log(_, let cause), .storage(let cause): cause.description
        case .invalidTransaction(_, let reason), .invalidProducerRequest(let reason), .invalidCommit(let reason): reason
        default: nil
        }
    }
}
