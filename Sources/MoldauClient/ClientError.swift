public import MoldauRecords
internal import MoldauWire

/// Why a client call failed. Each error is a sentence; `remedy` says what to do.
public enum ClientError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A setting is invalid, alone or together with others. The name is Kafka's.
    case invalidSetting(String, reason: String)
    /// No connection could be made.
    case notReachable(BrokerAddress, reason: String)
    /// The connection ended before the response: the broker may have executed the request or not.
    case disconnected(BrokerAddress, reason: String)
    /// The broker and this client have no common version of an API.
    case unsupportedAPI(String, BrokerAddress)
    /// The broker did not accept the user or the password.
    case logInFailed(reason: String)
    /// The broker refused the request with one of Kafka's error codes.
    case refused(code: Int16, name: String, what: String)
    /// The topic does not exist, or the user is not authorized to describe it.
    case unknownTopic(String)
    /// The topic does not have that partition.
    case unknownPartition(TopicPartition, partitionCount: Int32)
    /// The cluster did not answer in time; the request may have been executed.
    case timedOut(what: String, after: Duration)
    /// `delivery.timeout.ms` has passed. Without idempotence or after an attempt without an answer, the records may be
    /// in the log all the same.
    case deliveryTimedOut(TopicPartition, after: Duration, lastError: String)
    /// `buffer.memory` was full for `max.block.ms`.
    case bufferFull(bytes: Int, after: Duration)
    /// The record is larger than `max.request.size`.
    case recordTooLarge(bytes: Int, limit: Int)
    /// The bytes to send are not a record batch.
    case invalidBatch(TopicPartition, reason: String)
    /// Another producer with the same transactional id, or another member with the same instance id, has fenced this
    /// one.
    case fenced(id: String)
    /// The cluster did not say whether it has committed the transaction. Before you repeat it, check whether its
    /// records were written, or its offsets committed.
    case commitUnknown(reason: String)
    /// The transaction can no longer be committed.
    case transactionFailed(reason: String)
    /// The member's partitions were reassigned: their new members read again what this one read since its last commit.
    case notMember(group: String, reason: String)
    /// There is no position for the partition, and `auto.offset.reset` is `none`.
    case noPosition(TopicPartition, reason: String)
    /// After an election the partition's leader lacks records that were read, from this offset on, and may have others
    /// in their place; and `auto.offset.reset` is `none`. A `seek` to the offset reads these (KIP-320).
    case truncated(TopicPartition, at: Offset)
    /// A record cannot be decoded; a `seek` past it skips it. If its whole batch is damaged, the reason says where the
    /// batch ends; it is fetched once more for each poll that comes after the error.
    case unreadable(TopicPartition, Offset, reason: String)
    /// The client was closed.
    case closed

    /// What a caller can do about an error.
    public enum Remedy: Hashable, Sendable {
        /// Retrying later may succeed. The client has already retried as long as its settings allow.
        case retry
        /// The transaction was aborted, or must be; the producer remains usable. Resume from the last commit.
        case abort
        /// Another client has taken over: this client can do nothing more.
        case stop
        /// Retrying never succeeds: the settings, the request or the program must change.
        case change
    }

    /// What the caller should do.
    public var remedy: Remedy {
        switch self {
        case .notReachable, .disconnected, .timedOut, .deliveryTimedOut, .bufferFull, .notMember: .retry
        case .refused(let code, _, _): ErrorCode(rawValue: code).isRetriable ? .retry : .change
        case .transactionFailed, .commitUnknown: .abort
        case .fenced, .closed: .stop
        case .invalidSetting, .unsupportedAPI, .logInFailed, .unknownTopic, .unknownPartition, .recordTooLarge,
            .invalidBatch, .noPosition, .truncated, .unreadable:
            .change
        }
    }

    /// Whether the client retries a request that failed with this error.
    var isRetriable: Bool {
        switch self {
        case .notReachable, .disconnected, .timedOut: true
        case .refused(let code, _, _): ErrorCode(rawValue: code).isRetriable
        default: false
        }
    }

    public var description: String {
        switch self {
        case .invalidSetting(let name, let reason): "the setting '\(name)' is not valid: \(reason)"
        case .notReachable(let address, let reason):
            "\(address) cannot be reached: \(reason); check the address, and whether a broker listens there"
        case .disconnected(let address, let reason): "the connection to \(address) has ended: \(reason)"
        case .unsupportedAPI(let api, let address):
            "the broker at \(address) has no version of \(api) that this client speaks; a newer broker may have one"
        case .logInFailed(let reason):
            "the log-in has failed: \(reason); check the user, the password and the mechanism"
        case .refused(_, let name, let what): "the broker has refused \(what): \(name)"
        case .unknownTopic(let name): "there is no topic '\(name)'; create it first, or check the name"
        case .unknownPartition(let partition, let count):
            "there is no partition \(partition): the topic has \(count) partitions, counted from 0"
        case .timedOut(let what, let time): "\(what) took longer than \(time)"
        case .deliveryTimedOut(let partition, let time, let last):
            "records for \(partition) were not delivered within \(time) (delivery.timeout.ms); the last error: \(last)"
        case .bufferFull(let bytes, let time):
            "\(bytes) bytes of records are waiting to be sent (buffer.memory), and none of them was sent within \(time) (max.block.ms)"
        case .recordTooLarge(let bytes, let limit):
            "a record of \(bytes) bytes is over the limit of \(limit) (max.request.size)"
        case .invalidBatch(let partition, let reason): "what was to be sent to \(partition) is not a batch: \(reason)"
        case .fenced(let id): "another client with the id '\(id)' has taken over; this one can no longer do anything"
        case .commitUnknown(let reason):
            "it is not known whether the transaction was committed: \(reason); look for the records it would have written"
        case .transactionFailed(let reason): "the transaction cannot be committed: \(reason); abort it"
        case .notMember(let group, let reason):
            "the client is no longer a member of the group '\(group)': \(reason); others continue its partitions from the last commit"
        case .noPosition(let partition, let reason): "there is no position to read \(partition) from: \(reason)"
        case .truncated(let partition, let offset):
            "after an election the leader of \(partition) lacks records that were read, from offset \(offset) on; seek there to continue with those in their place"
        case .unreadable(let partition, let offset, let reason):
            "the record of \(partition) at offset \(offset) cannot be read: \(reason)"
        case .closed: "the client is closed"
        }
    }
}

extension ClientError {
    /// A broker's refusal of what is described.
    static func refused(_ code: ErrorCode, _ what: String) -> ClientError {
        .refused(code: code.rawValue, name: code.name, what: what)
    }
}
