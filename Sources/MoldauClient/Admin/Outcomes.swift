internal import MoldauWire

/// The result for each requested name: what an `AdminClient` returns.
public typealias Outcomes<Key: Hashable, Success> = [Key: Result<Success, ClientError>]

extension Dictionary where Key: Comparable {
    /// All results, if none is an error.
    /// - Throws: the first error, in the order of the keys.
    @discardableResult
    public func all<Success>() throws(ClientError) -> [Key: Success] where Value == Result<Success, ClientError> {
        var found: [Key: Success] = [:]
        for (key, outcome) in sorted(by: { $0.key < $1.key }) { found[key] = try outcome.get() }
        return found
    }
}

/// Why a broker refused: Kafka's error codes. Codes not listed here are available by number.
public struct Refusal: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// Kafka's number.
    public let rawValue: Int16

    /// The code with that number.
    public init(rawValue: Int16) { self.rawValue = rawValue }

    /// Kafka's name of the code; the number if it is unknown.
    public var description: String { ErrorCode(rawValue: rawValue).name }

    /// The partition does not hold the offset.
    public static let offsetOutOfRange = Refusal(rawValue: 1)
    /// The topic's name is invalid.
    public static let invalidTopic = Refusal(rawValue: 17)
    /// The user is not authorized for the topic.
    public static let topicAuthorizationFailed = Refusal(rawValue: 29)
    /// The user is not authorized for the group.
    public static let groupAuthorizationFailed = Refusal(rawValue: 30)
    /// The user is not authorized for the cluster.
    public static let clusterAuthorizationFailed = Refusal(rawValue: 31)
    /// A topic of that name exists.
    public static let topicAlreadyExists = Refusal(rawValue: 36)
    /// The number of partitions is invalid.
    public static let invalidPartitions = Refusal(rawValue: 37)
    /// The replication factor is invalid, for example larger than the number of brokers.
    public static let invalidReplicationFactor = Refusal(rawValue: 38)
    /// The setting is unknown, or the value is invalid.
    public static let invalidConfig = Refusal(rawValue: 40)
    /// The request is invalid.
    public static let invalidRequest = Refusal(rawValue: 42)
    /// A policy of the cluster forbids it.
    public static let policyViolation = Refusal(rawValue: 44)
    /// The group has no such member. If a group has members, only they can commit its offsets.
    public static let unknownMember = Refusal(rawValue: 25)
    /// The group has members.
    public static let nonEmptyGroup = Refusal(rawValue: 68)
    /// The group does not exist.
    public static let groupNotFound = Refusal(rawValue: 69)
    /// The group reads the topic.
    public static let groupSubscribedToTopic = Refusal(rawValue: 86)
    /// The user or access rule does not exist.
    public static let resourceNotFound = Refusal(rawValue: 91)
    /// The transactional id does not exist.
    public static let transactionalIDNotFound = Refusal(rawValue: 105)

    /// The codes that refuse the records themselves, for their size or their content.
    package static let ofRecords = Set(
        [ErrorCode.messageTooLarge, .recordListTooLarge, .invalidTimestamp, .invalidRecord].map {
            Refusal(rawValue: $0.rawValue)
        })
}

extension ClientError {
    /// The error code with which a broker refused; nil for other errors.
    public var refusal: Refusal? {
        guard case .refused(let code, _, _) = self else { return nil }
        return Refusal(rawValue: code)
    }

    /// A broker's refusal, with its message if it sent one.
    static func refused(_ code: ErrorCode, _ what: String, message: String?) -> ClientError {
        guard let message, !message.isEmpty, message != code.name else { return .refused(code, what) }
        return .refused(code: code.rawValue, name: "\(code.name) (\(message))", what: what)
    }

    /// The error that a code means for a topic; nil if the code is no error.
    static func of(_ code: ErrorCode, topic: String, _ what: String, message: String? = nil) -> ClientError? {
        switch code {
        case .none: nil
        case .unknownTopicOrPartition, .unknownTopicID: .unknownTopic(topic)
        default: .refused(code, what, message: message)
        }
    }
}
