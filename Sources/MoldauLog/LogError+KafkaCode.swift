internal import MoldauRecords

extension LogError {
    /// The error code of Kafka's protocol.
    package var kafkaErrorCode: Int16 {
        switch self {
        case .offsetOutOfRange: 1
        case .invalidBatch(let error): error.kafkaErrorCode
        case .batchTooLarge: 10  // MESSAGE_TOO_LARGE
        case .controlBatch, .nullKey, .notOneBatch: 87  // INVALID_RECORD
        case .timestampOutOfBounds: 32  // INVALID_TIMESTAMP
        case .outOfOrderSequence: 45  // OUT_OF_ORDER_SEQUENCE_NUMBER
        case .producerFenced: 47  // INVALID_PRODUCER_EPOCH
        case .tooManyProducers: 44  // POLICY_VIOLATION
        case .invalidConfiguration: 40  // INVALID_CONFIG
        default: 56  // KAFKA_STORAGE_ERROR: the disk failed, or what is on it cannot be read.
        }
    }
}

extension RecordBatchError {
    /// The error code of Kafka's protocol for a batch from a client. A client retries the batch after
    /// `CORRUPT_MESSAGE`, and sends a smaller one after `MESSAGE_TOO_LARGE`.
    fileprivate var kafkaErrorCode: Int16 {
        switch self {
        case .checksumMismatch, .malformed(_, BatchField.batchLength.rawValue): 2  // CORRUPT_MESSAGE
        case .truncated, .unsupportedMagic, .malformed: 87  // INVALID_RECORD
        case .unsupportedCompression: 76  // UNSUPPORTED_COMPRESSION_TYPE
        case .unpackedTooLarge: 10  // MESSAGE_TOO_LARGE
        }
    }
}
