/// The errors that the group coordinator answers with. The raw value is Kafka's error code.
package enum GroupError: Int16, Error, Equatable, Sendable {
    case none = 0
    case unknownTopicOrPartition = 3
    /// The metadata of a committed offset exceeds the limit.
    case offsetMetadataTooLarge = 12
    /// The coordinator is stopping, or its records could not be written: the client looks it up and retries.
    case coordinatorNotAvailable = 15
    case illegalGeneration = 22
    /// No protocol is common to all members, or the group is of a different type.
    case inconsistentGroupProtocol = 23
    case invalidGroupID = 24
    case unknownMemberID = 25
    case invalidSessionTimeout = 26
    case rebalanceInProgress = 27
    /// The offsets of all groups together would exceed their memory limit.
    case invalidCommitOffsetSize = 28
    case invalidRequest = 42
    case nonEmptyGroup = 68
    case groupIDNotFound = 69
    /// The member must join again, with the id that the answer gives it.
    case memberIDRequired = 79
    case groupMaxSizeReached = 81
    /// Another member has the same instance id, and joined later.
    case fencedInstanceID = 82
    case groupSubscribedToTopic = 86
    /// The partition has an offset in a transaction that is still open.
    case unstableOffsetCommit = 88
    case fencedMemberEpoch = 110
    /// A member with this instance id is in the group, and has not left temporarily.
    case unreleasedInstanceID = 111
    case unsupportedAssignor = 112
    case staleMemberEpoch = 113
    /// The pattern of topics is invalid, or too large.
    case invalidRegularExpression = 128
}
