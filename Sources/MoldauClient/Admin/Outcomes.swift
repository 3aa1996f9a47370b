internal import MoldauWire

/// What became of each of the things that were asked for, by name: what an `AdminClient` returns.
public typealias Outcomes<Key: Hashable, Success> = [Key: Result<Success, ClientError>]

extension Dictionary where Key: Comparable {
    /// What became of all of them, if none has failed.
    /// - Throws: the first error, in the order of the keys.
    @discardableResult
    public func all<Success>() throws(ClientError) -> [Key: Success] where Value == Result<Success, ClientError> {
        var found: [Key: Success] = [:]
        for (key, outcome) in sorted(by: { $0.key < $1.key }) { found[key] = try outcome.get() }
        return found
    }
}

/// Why a broker refused: Kafka's error codes. Those that are not listed here have their number.
public struct Refusal: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// Kafka's number.
    public let rawValue: Int16

    /// The code with that number.
    public init(rawValue: Int16) { self.rawValue = rawValue }

    /// Kafka's name of it; its number if that is not known.
    public var description: String { ErrorCode(rawValue: rawValue).name }

    /// The partition does not hold the offset.
    public static let offsetOutOfRange = Refusal(rawValue: 1)
    /// The name is not one of a topic.
    public static let invalidTopic = Refusal(rawValue: 17)
    /// The user may not do this with the topic.
    public static let topicAuthorizationFailed = Refusal(rawValue: 29)
    /// The user may not do this with the group.
    public static let groupAuthorizationFailed = Refusal(rawValue: 30)
    /// The user may not do this.
    public static let clusterAuthorizationFailed = Refusal(rawValue: 31)
    /// There is a topic of that name.
    public static let topicAlreadyExists = Refusal(rawValue: 36)
    /// A topic cannot have so many partitions.
    public static let invalidPartitions = Refusal(rawValue: 37)
    /// There are not that many brokers.
    public static let invalidReplicationFactor = Refusal(rawValue: 38)
    /// There is no such setting, or it does not take that value.
    public static let invalidConfig = Refusal(rawValue: 40)
    /// The request is impossible.
    public static let invalidRequest = Refusal(rawValue: 42)
    /// A policy of the cluster forbids it.
    public static let policyViolation = Refusal(rawValue: 44)
    /// The group has no such member: offsets of a group with members are committed by these alone.
    public static let unknownMember = Refusal(rawValue: 25)
    /// The group has members.
    public static let nonEmptyGroup = Refusal(rawValue: 68)
    /// There is no such group.
    public static let groupNotFound = Refusal(rawValue: 69)
    /// The group reads the topic.
    public static let groupSubscribedToTopic = Refusal(rawValue: 86)
    /// There is no such user or rule.
    public static let resourceNotFound = Refusal(rawValue: 91)
    /// There is no such transactional id.
    public static let transactionalIDNotFound = Refusal(rawValue: 105)
}

extension ClientError {
    /// The code with which a broker refused; nil for errors of another kind.
    public var refusal: Refusal? {
        guard case .refused(let code, _, _) = self else { return nil }
        return Refusal(rawValue: code)
    }

    /// A broker's refusal, with what else it said.
    static func refused(_ code: ErrorCode, _ what: String, message: String?) -> ClientError {
        guard let message, !message.isEmpty, message != code.name else { return .refused(code, what) }
        return .refused(code: code.rawValue, name: "\(code.name) (\(message))", what: what)
    }

    /// What a code means for a topic; nil if it is no error.
    static func of(_ code: ErrorCode, topic: String, _ what: String, message: String? = nil) -> ClientError? {
        switch code {
        case .none: nil
        case .unknownTopicOrPartition, .unknownTopicID: .unknownTopic(topic)
        default: .refused(code, what, message: message)
        }
    }
}
