/// The error of a request, or of a part of one; 0 for none.
///
/// Codes that are not listed here are kept as they are.
package struct ErrorCode: RawRepresentable, Hashable, Sendable {
    package var rawValue: Int16

    package init(rawValue: Int16) { self.rawValue = rawValue }

    private init(_ code: Int16) { rawValue = code }

    /// Whether the same request may succeed later.
    package var isRetriable: Bool { Self.retriable.contains(self) }

    /// The code's name as Kafka writes it; its number if it is not known.
    package var name: String {
        let place = Int(rawValue) + 1
        return Self.names.indices.contains(place) && Self.names[place] != "-" ? Self.names[place] : String(rawValue)
    }

    package static let unknownServerError = ErrorCode(-1)
    package static let none = ErrorCode(0)
    package static let offsetOutOfRange = ErrorCode(1)
    package static let corruptMessage = ErrorCode(2)
    package static let unknownTopicOrPartition = ErrorCode(3)
    package static let invalidFetchSize = ErrorCode(4)
    package static let leaderNotAvailable = ErrorCode(5)
    package static let notLeaderOrFollower = ErrorCode(6)
    package static let requestTimedOut = ErrorCode(7)
    package static let brokerNotAvailable = ErrorCode(8)
    package static let replicaNotAvailable = ErrorCode(9)
    package static let messageTooLarge = ErrorCode(10)
    package static let staleControllerEpoch = ErrorCode(11)
    package static let offsetMetadataTooLarge = ErrorCode(12)
    package static let networkException = ErrorCode(13)
    package static let coordinatorLoadInProgress = ErrorCode(14)
    package static let coordinatorNotAvailable = ErrorCode(15)
    package static let notCoordinator = ErrorCode(16)
    package static let invalidTopicException = ErrorCode(17)
    package static let recordListTooLarge = ErrorCode(18)
    package static let notEnoughReplicas = ErrorCode(19)
    package static let notEnoughReplicasAfterAppend = ErrorCode(20)
    package static let invalidRequiredAcks = ErrorCode(21)
    package static let illegalGeneration = ErrorCode(22)
    package static let inconsistentGroupProtocol = ErrorCode(23)
    package static let invalidGroupID = ErrorCode(24)
    package static let unknownMemberID = ErrorCode(25)
    package static let invalidSessionTimeout = ErrorCode(26)
    package static let rebalanceInProgress = ErrorCode(27)
    package static let invalidCommitOffsetSize = ErrorCode(28)
    package static let topicAuthorizationFailed = ErrorCode(29)
    package static let groupAuthorizationFailed = ErrorCode(30)
    package static let clusterAuthorizationFailed = ErrorCode(31)
    package static let invalidTimestamp = ErrorCode(32)
    package static let unsupportedSaslMechanism = ErrorCode(33)
    package static let illegalSaslState = ErrorCode(34)
    package static let unsupportedVersion = ErrorCode(35)
    package static let topicAlreadyExists = ErrorCode(36)
    package static let invalidPartitions = ErrorCode(37)
    package static let invalidReplicationFactor = ErrorCode(38)
    package static let invalidReplicaAssignment = ErrorCode(39)
    package static let invalidConfig = ErrorCode(40)
    package static let notController = ErrorCode(41)
    package static let invalidRequest = ErrorCode(42)
    package static let unsupportedForMessageFormat = ErrorCode(43)
    package static let policyViolation = ErrorCode(44)
    package static let outOfOrderSequenceNumber = ErrorCode(45)
    package static let duplicateSequenceNumber = ErrorCode(46)
    package static let invalidProducerEpoch = ErrorCode(47)
    package static let invalidTxnState = ErrorCode(48)
    package static let invalidProducerIDMapping = ErrorCode(49)
    package static let invalidTransactionTimeout = ErrorCode(50)
    package static let concurrentTransactions = ErrorCode(51)
    package static let transactionCoordinatorFenced = ErrorCode(52)
    package static let transactionalIDAuthorizationFailed = ErrorCode(53)
    package static let securityDisabled = ErrorCode(54)
    package static let operationNotAttempted = ErrorCode(55)
    package static let kafkaStorageError = ErrorCode(56)
    package static let logDirNotFound = ErrorCode(57)
    package static let saslAuthenticationFailed = ErrorCode(58)
    package static let unknownProducerID = ErrorCode(59)
    package static let reassignmentInProgress = ErrorCode(60)
    package static let delegationTokenAuthDisabled = ErrorCode(61)
    package static let delegationTokenNotFound = ErrorCode(62)
    package static let delegationTokenOwnerMismatch = ErrorCode(63)
    package static let delegationTokenRequestNotAllowed = ErrorCode(64)
    package static let delegationTokenAuthorizationFailed = ErrorCode(65)
    package static let delegationTokenExpired = ErrorCode(66)
    package static let invalidPrincipalType = ErrorCode(67)
    package static let nonEmptyGroup = ErrorCode(68)
    package static let groupIDNotFound = ErrorCode(69)
    package static let fetchSessionIDNotFound = ErrorCode(70)
    package static let invalidFetchSessionEpoch = ErrorCode(71)
    package static let listenerNotFound = ErrorCode(72)
    package static let topicDeletionDisabled = ErrorCode(73)
    package static let fencedLeaderEpoch = ErrorCode(74)
    package static let unknownLeaderEpoch = ErrorCode(75)
    package static let unsupportedCompressionType = ErrorCode(76)
    package static let staleBrokerEpoch = ErrorCode(77)
    package static let offsetNotAvailable = ErrorCode(78)
    package static let memberIDRequired = ErrorCode(79)
    package static let preferredLeaderNotAvailable = ErrorCode(80)
    package static let groupMaxSizeReached = ErrorCode(81)
    package static let fencedInstanceID = ErrorCode(82)
    package static let eligibleLeadersNotAvailable = ErrorCode(83)
    package static let electionNotNeeded = ErrorCode(84)
    package static let noReassignmentInProgress = ErrorCode(85)
    package static let groupSubscribedToTopic = ErrorCode(86)
    package static let invalidRecord = ErrorCode(87)
    package static let unstableOffsetCommit = ErrorCode(88)
    package static let throttlingQuotaExceeded = ErrorCode(89)
    package static let producerFenced = ErrorCode(90)
    package static let resourceNotFound = ErrorCode(91)
    package static let duplicateResource = ErrorCode(92)
    package static let unacceptableCredential = ErrorCode(93)
    package static let inconsistentVoterSet = ErrorCode(94)
    package static let invalidUpdateVersion = ErrorCode(95)
    package static let featureUpdateFailed = ErrorCode(96)
    package static let principalDeserializationFailure = ErrorCode(97)
    package static let snapshotNotFound = ErrorCode(98)
    package static let unknownTopicID = ErrorCode(100)
    package static let duplicateBrokerRegistration = ErrorCode(101)
    package static let brokerIDNotRegistered = ErrorCode(102)
    package static let inconsistentTopicID = ErrorCode(103)
    package static let inconsistentClusterID = ErrorCode(104)
    package static let transactionalIDNotFound = ErrorCode(105)
    package static let fetchSessionTopicIDError = ErrorCode(106)
    package static let ineligibleReplica = ErrorCode(107)
    package static let newLeaderElected = ErrorCode(108)
    package static let offsetMovedToTieredStorage = ErrorCode(109)
    package static let fencedMemberEpoch = ErrorCode(110)
    package static let unreleasedInstanceID = ErrorCode(111)
    package static let unsupportedAssignor = ErrorCode(112)
    package static let staleMemberEpoch = ErrorCode(113)
    package static let mismatchedEndpointType = ErrorCode(114)
    package static let unsupportedEndpointType = ErrorCode(115)
    package static let unknownControllerID = ErrorCode(116)
    package static let unknownSubscriptionID = ErrorCode(117)
    package static let telemetryTooLarge = ErrorCode(118)
    package static let invalidRegistration = ErrorCode(119)
    package static let transactionAbortable = ErrorCode(120)
    package static let invalidRecordState = ErrorCode(121)
    package static let shareSessionNotFound = ErrorCode(122)
    package static let invalidShareSessionEpoch = ErrorCode(123)
    package static let fencedStateEpoch = ErrorCode(124)
    package static let invalidVoterKey = ErrorCode(125)
    package static let duplicateVoter = ErrorCode(126)
    package static let voterNotFound = ErrorCode(127)
    package static let invalidRegularExpression = ErrorCode(128)
}

extension ErrorCode: CustomStringConvertible {
    package var description: String { name }
}

extension ErrorCode: WireNumber {
    package init(bits: Int16) { rawValue = bits }
    package var bits: Int16 { rawValue }
}

extension ErrorCode {
    private static let retriable: Set<ErrorCode> = [
        .corruptMessage, .unknownTopicOrPartition, .leaderNotAvailable, .notLeaderOrFollower, .requestTimedOut,
        .replicaNotAvailable, .networkException, .coordinatorLoadInProgress, .coordinatorNotAvailable,
        .notCoordinator, .notEnoughReplicas, .notEnoughReplicasAfterAppend, .notController, .concurrentTransactions,
        .kafkaStorageError, .fetchSessionIDNotFound, .invalidFetchSessionEpoch, .listenerNotFound, .fencedLeaderEpoch,
        .unknownLeaderEpoch, .offsetNotAvailable, .preferredLeaderNotAvailable, .eligibleLeadersNotAvailable,
        .electionNotNeeded, .unstableOffsetCommit, .throttlingQuotaExceeded, .unknownTopicID, .inconsistentTopicID,
        .fetchSessionTopicIDError, .shareSessionNotFound, .invalidShareSessionEpoch,
    ]

    /// The names in the order of the codes, from −1 on; "-" where there is no code.
    fileprivate static let names = """
        UNKNOWN_SERVER_ERROR NONE OFFSET_OUT_OF_RANGE CORRUPT_MESSAGE UNKNOWN_TOPIC_OR_PARTITION INVALID_FETCH_SIZE
        LEADER_NOT_AVAILABLE NOT_LEADER_OR_FOLLOWER REQUEST_TIMED_OUT BROKER_NOT_AVAILABLE REPLICA_NOT_AVAILABLE
        MESSAGE_TOO_LARGE STALE_CONTROLLER_EPOCH OFFSET_METADATA_TOO_LARGE NETWORK_EXCEPTION
        COORDINATOR_LOAD_IN_PROGRESS COORDINATOR_NOT_AVAILABLE NOT_COORDINATOR INVALID_TOPIC_EXCEPTION
        RECORD_LIST_TOO_LARGE NOT_ENOUGH_REPLICAS NOT_ENOUGH_REPLICAS_AFTER_APPEND INVALID_REQUIRED_ACKS
        ILLEGAL_GENERATION INCONSISTENT_GROUP_PROTOCOL INVALID_GROUP_ID UNKNOWN_MEMBER_ID INVALID_SESSION_TIMEOUT
        REBALANCE_IN_PROGRESS INVALID_COMMIT_OFFSET_SIZE TOPIC_AUTHORIZATION_FAILED GROUP_AUTHORIZATION_FAILED
        CLUSTER_AUTHORIZATION_FAILED INVALID_TIMESTAMP UNSUPPORTED_SASL_MECHANISM ILLEGAL_SASL_STATE
        UNSUPPORTED_VERSION TOPIC_ALREADY_EXISTS INVALID_PARTITIONS INVALID_REPLICATION_FACTOR
        INVALID_REPLICA_ASSIGNMENT INVALID_CONFIG NOT_CONTROLLER INVALID_REQUEST UNSUPPORTED_FOR_MESSAGE_FORMAT
        POLICY_VIOLATION OUT_OF_ORDER_SEQUENCE_NUMBER DUPLICATE_SEQUENCE_NUMBER INVALID_PRODUCER_EPOCH
        INVALID_TXN_STATE INVALID_PRODUCER_ID_MAPPING INVALID_TRANSACTION_TIMEOUT CONCURRENT_TRANSACTIONS
        TRANSACTION_COORDINATOR_FENCED TRANSACTIONAL_ID_AUTHORIZATION_FAILED SECURITY_DISABLED OPERATION_NOT_ATTEMPTED
        KAFKA_STORAGE_ERROR LOG_DIR_NOT_FOUND SASL_AUTHENTICATION_FAILED UNKNOWN_PRODUCER_ID REASSIGNMENT_IN_PROGRESS
        DELEGATION_TOKEN_AUTH_DISABLED DELEGATION_TOKEN_NOT_FOUND DELEGATION_TOKEN_OWNER_MISMATCH
        DELEGATION_TOKEN_REQUEST_NOT_ALLOWED DELEGATION_TOKEN_AUTHORIZATION_FAILED DELEGATION_TOKEN_EXPIRED
        INVALID_PRINCIPAL_TYPE NON_EMPTY_GROUP GROUP_ID_NOT_FOUND FETCH_SESSION_ID_NOT_FOUND
        INVALID_FETCH_SESSION_EPOCH LISTENER_NOT_FOUND TOPIC_DELETION_DISABLED FENCED_LEADER_EPOCH
        UNKNOWN_LEADER_EPOCH UNSUPPORTED_COMPRESSION_TYPE STALE_BROKER_EPOCH OFFSET_NOT_AVAILABLE MEMBER_ID_REQUIRED
        PREFERRED_LEADER_NOT_AVAILABLE GROUP_MAX_SIZE_REACHED FENCED_INSTANCE_ID ELIGIBLE_LEADERS_NOT_AVAILABLE
        ELECTION_NOT_NEEDED NO_REASSIGNMENT_IN_PROGRESS GROUP_SUBSCRIBED_TO_TOPIC INVALID_RECORD
        UNSTABLE_OFFSET_COMMIT THROTTLING_QUOTA_EXCEEDED PRODUCER_FENCED RESOURCE_NOT_FOUND DUPLICATE_RESOURCE
        UNACCEPTABLE_CREDENTIAL INCONSISTENT_VOTER_SET INVALID_UPDATE_VERSION FEATURE_UPDATE_FAILED
        PRINCIPAL_DESERIALIZATION_FAILURE SNAPSHOT_NOT_FOUND - UNKNOWN_TOPIC_ID DUPLICATE_BROKER_REGISTRATION
        BROKER_ID_NOT_REGISTERED INCONSISTENT_TOPIC_ID INCONSISTENT_CLUSTER_ID TRANSACTIONAL_ID_NOT_FOUND
        FETCH_SESSION_TOPIC_ID_ERROR INELIGIBLE_REPLICA NEW_LEADER_ELECTED OFFSET_MOVED_TO_TIERED_STORAGE
        FENCED_MEMBER_EPOCH UNRELEASED_INSTANCE_ID UNSUPPORTED_ASSIGNOR STALE_MEMBER_EPOCH MISMATCHED_ENDPOINT_TYPE
        UNSUPPORTED_ENDPOINT_TYPE UNKNOWN_CONTROLLER_ID UNKNOWN_SUBSCRIPTION_ID TELEMETRY_TOO_LARGE
        INVALID_REGISTRATION TRANSACTION_ABORTABLE INVALID_RECORD_STATE SHARE_SESSION_NOT_FOUND
        INVALID_SHARE_SESSION_EPOCH FENCED_STATE_EPOCH INVALID_VOTER_KEY DUPLICATE_VOTER VOTER_NOT_FOUND
        INVALID_REGULAR_EXPRESSION
        """.split(whereSeparator: \.isWhitespace).map(String.init)
}
