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
        case .producerFenced: 47  // INVALID_PRODUCER_EPOCH
        case .invalidTransaction: 48  // INVALID_TXN_STATE
        case .invalidCommit: 42  // INVALID_REQUEST
        case .groupInUse: 68  // NON_EMPTY_GROUP
        case .unknownProducer, .transactionInProgress, .invalidTransactionTimeout, .invalidProducerRequest,
            .tooManyTransactionalIDs, .unknownTransactionalID:
            producerErrorCode(knowsFencing: false) ?? -1  // UNKNOWN_SERVER_ERROR
        case .closed: 56  // KAFKA_STORAGE_ERROR
        }
    }
}
