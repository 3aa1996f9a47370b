import MoldauRecords

/// Why a cluster refused a request, or failed.
public enum ClusterError: Error, Equatable, CustomStringConvertible {
    /// There is no topic of that name. Thrown to producers and consumers.
    case unknownTopic(String)
    /// There is already a topic of that name; it is unchanged.
    case topicExists(String)
    /// The name or the number of partitions of a new topic is invalid; nothing was created.
    case invalidTopic(name: String, reason: String)
    /// The new settings of a topic are invalid; it is unchanged.
    case invalidSettings(topic: String, reason: String)
    /// The topic exists, but has only `partitionCount` partitions.
    case unknownPartition(TopicPartition, partitionCount: Int32)
    /// The partition does not hold `requested`: retention deleted it, or it never existed.
    case offsetOutOfRange(TopicPartition, requested: Offset, held: Range<Offset>)
    /// A batch is larger than the topic accepts.
    case recordTooLarge(TopicPartition, bytes: Int, limit: Int)
    /// The partition does not accept this record: for example one without a key in a compacted topic.
    case invalidRecord(TopicPartition, reason: String)
    /// Another producer with that transactional id has taken over; this one is fenced.
    case producerFenced(id: String)
    /// The transaction cannot be committed: none of its records will ever be readable.
    case transactionAborted(id: String, reason: String)
    /// The group has removed this member, and may have assigned its work to others: it must not commit any of it.
    case notMember(group: String, reason: String)
    /// The group already has a member, and the cluster accepts only one.
    case groupInUse(String)
    /// There is no space to store this now. Nothing of it was stored, and the call may be retried; reads still work.
    case diskFull(reason: String)
    /// No client can continue until the cluster is reopened: a sync has failed, so that it is unknown what is on disk;
    /// or it refuses the log-in, lacks a request that is needed, or a setting is invalid.
    case offline(reason: String)
    /// The cluster cannot store or answer; `reason` says why. The client that got this error cannot continue.
    case unavailable(reason: String)
    /// The cluster was closed: its clients are unusable.
    case closed

    /// What a caller should do after an error.
    ///
    /// Callers decide by this, not by the case, so that a cluster can have errors that others do not have. A new case
    /// needs one line here, and no other change in the runtime.
    public enum Remedy: Hashable, Sendable {
        /// Nothing was done, and the client is unchanged: the same call may be retried after a while.
        case retry
        /// The work since the last commit is discarded and cannot be committed: a new client continues from that
        /// commit.
        case resumeFromCommit
        /// There is nothing to read at that position: seek to another one.
        case seek
        /// One record of the batch is refused: the others are accepted if they are sent without it.
        case splitBatch
        /// This is always refused: skip it. The client is unchanged.
        case skip
        /// The client is unusable. A new one may work later.
        case stopThread
        /// No client of this cluster works until the cluster is reopened.
        case stopApplication
    }

    /// What the caller should do.
    public var remedy: Remedy {
        switch self {
        case .diskFull: .retry
        case .producerFenced, .transactionAborted, .notMember: .resumeFromCommit
        case .offsetOutOfRange: .seek
        case .recordTooLarge, .invalidRecord: .splitBatch
        case .unknownPartition, .topicExists, .invalidTopic, .invalidSettings: .skip
        case .unknownTopic, .unavailable, .closed: .stopThread
        case .groupInUse, .offline: .stopApplication
        }
    }

    /// The partition that the error refers to.
    public var partition: TopicPartition? {
        switch self {
        case .unknownPartition(let partition, _), .offsetOutOfRange(let partition, _, _),
            .recordTooLarge(let partition, _, _), .invalidRecord(let partition, _):
            partition
        default: nil
        }
    }

    public var description: String {
        switch self {
        case .unknownTopic(let name): "there is no topic '\(name)'; create it first"
        case .topicExists(let name): "the topic '\(name)' already exists"
        case .invalidTopic(let name, let reason): "'\(name)' cannot be created: \(reason)"
        case .invalidSettings(let topic, let reason): "the settings of '\(topic)' were not changed: \(reason)"
        case .unknownPartition(let partition, let count):
            "there is no partition \(partition): the topic has \(count) partitions, counted from 0"
        case .offsetOutOfRange(let partition, let requested, let held):
            "\(partition) does not hold offset \(requested); it holds \(held.lowerBound) up to, not including, \(held.upperBound)"
        case .recordTooLarge(let partition, let bytes, let limit):
            "a batch of \(bytes) bytes for \(partition) is over the topic's limit of \(limit) (max.message.bytes)"
        case .invalidRecord(let partition, let reason): "\(partition) does not accept a record: \(reason)"
        case .producerFenced(let id): "another producer of the transactional id '\(id)' has taken over"
        case .transactionAborted(let id, let reason):
            "the transaction of '\(id)' cannot be committed: \(reason); its work will be done again"
        case .notMember(let group, let reason):
            "this process is no longer a member of the group '\(group)': \(reason); others continue its work from the last commit"
        case .groupInUse(let group):
            "an application with the id '\(group)' is already running on this cluster, and a cluster in one process takes "
                + "only one of each id; stop that one, or give this one another id"
        case .diskFull(let reason), .offline(let reason), .unavailable(let reason): reason
        case .closed: "the client is closed"
        }
    }
}
