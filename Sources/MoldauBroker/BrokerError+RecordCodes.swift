internal import MoldauLog

extension BrokerError {
    /// The error code of Kafka's protocol for requests that are about topics and their records.
    package var kafkaErrorCode: Int16 {
        switch self {
        case .unknownTopic, .unknownPartition: 3  // UNKNOWN_TOPIC_OR_PARTITION
        case .topicExists: 36  // TOPIC_ALREADY_EXISTS
        case .invalidTopic, .internalTopic: 17  // INVALID_TOPIC_EXCEPTION
        case .invalidPartitions: 37  // INVALID_PARTITIONS
        case .tooManyPartitions, .undeletable: 44  // POLICY_VIOLATION
        case .invalidSettings: 40  // INVALID_CONFIG
        case .log(_, let cause), .storage(let cause), .unreadable(_, _, let cause): cause.kafkaErrorCode
        case .closed: 56  // KAFKA_STORAGE_ERROR
        default: -1  // UNKNOWN_SERVER_ERROR: requests about groups and transactions have codes of their own.
        }
    }
}
