package import MoldauLog
package import MoldauRecords

/// Why the broker refused, or failed. Each case holds the facts.
package enum BrokerError: Error, Equatable {
    case unknownTopic(String)
    case topicExists(String)
    case invalidTopic(name: String, reason: String)
    /// Settings of a topic that was there, and is as before.
    case invalidSettings(topic: String, reason: String)
    /// The topic holds the broker's own records: it is neither deleted nor written to.
    case internalTopic(String)
    case unknownPartition(TopicPartition, partitionCount: Int32)
    /// The broker's own records of `holder` (a group, a transactional id) are in a partition that cannot be read.
    case unreadable(holder: String, TopicPartition, LogError)
    /// The partition's log refused.
    case log(TopicPartition, LogError)
    /// The data directory, or the disk under it.
    case storage(LogError)
    /// A group's name or an offset's metadata that cannot be stored.
    case invalidCommit(reason: String)
    /// Another producer of that transactional id has taken over.
    case producerFenced(id: String)
    /// What was asked does not fit the state of the transaction.
    case invalidTransaction(id: String, reason: String)
    /// The group has a member, and takes one only.
    case groupInUse(String)
    case closed
}
