internal import MoldauLog

extension BrokerError {
    /// Kafka's error code for a refused transaction or producer request; nil for errors of other requests.
    ///
    /// Before `PRODUCER_FENCED` was added (InitProducerId 4, AddPartitionsToTxn 2, AddOffsetsToTxn 2, EndTxn 2), and in
    /// the answers to Produce and TxnOffsetCommit in all versions, `INVALID_PRODUCER_EPOCH` means that a producer was
    /// fenced.
    /// - Parameter knowsFencing: whether the request's version knows `PRODUCER_FENCED`.
    package func producerErrorCode(knowsFencing: Bool) -> Int16? {
        switch self {
        case .producerFenced: knowsFencing ? 90 : 47
        case .unknownProducer: 49  // INVALID_PRODUCER_ID_MAPPING
        case .transactionInProgress: 51  // CONCURRENT_TRANSACTIONS
        case .invalidTransaction: 48  // INVALID_TXN_STATE
        case .invalidTransactionTimeout: 50  // INVALID_TRANSACTION_TIMEOUT
        case .invalidProducerRequest: 42  // INVALID_REQUEST
        case .tooManyTransactionalIDs: 44  // POLICY_VIOLATION
        case .unknownTransactionalID: 105  // TRANSACTIONAL_ID_NOT_FOUND
        case .log(_, .producerFenced): 47  // INVALID_PRODUCER_EPOCH
        case .log(_, .outOfOrderSequence): 45  // OUT_OF_ORDER_SEQUENCE_NUMBER
        case .log(_, .tooManyProducers): 44  // POLICY_VIOLATION
        default: nil
        }
    }

    /// The error code of Kafka's protocol, for requests whose version does not know `PRODUCER_FENCED`.
    package var kafkaErrorCode: Int16 {
        switch self {
        case .unknownTopic, .unknownPartition: 3  // UNKNOWN_TOPIC_OR_PARTITION
        case .topicExists: 36  // TOPIC_ALREADY_EXISTS
        case .invalidTopic, .internalTopic: 17  // INVALID_TOPIC_EXCEPTION
        case .invalidPartitions: 37  // INVALID_PARTITIONS
        case .tooManyPartitions, .undeletable: 44  // POLICY_VIOLATION
        case .invalidSettings: 40  // INVALID_CONFIG
        case .log(_, let cause), .storage(let cause), .unreadable(_, _, let cause): cause.kafkaErrorCode
        case .invalidCommit: 42  // INVALID_REQUEST
        case .groupInUse: 68  // NON_EMPTY_GROUP
        case .producerFenced, .unknownProducer, .transactionInProgress, .invalidTransaction,
            .invalidTransactionTimeout, .invalidProducerRequest, .tooManyTransactionalIDs, .unknownTransactionalID:
            producerErrorCode(knowsFencing: false) ?? -1  // UNKNOWN_SERVER_ERROR
        case .closed: 56  // KAFKA_STORAGE_ERROR
        }
    }
}
