package import MoldauLog
package import MoldauRecords

/// Why the broker refused a request, or failed. Each case holds the facts.
package enum BrokerError: Error, Equatable {
    case unknownTopic(String)
    case topicExists(String)
    case invalidTopic(name: String, reason: String)
    /// The new partition count is invalid, or not more than the topic already has.
    case invalidPartitions(topic: String, reason: String)
    /// Creating this would exceed `limit` topics or partitions.
    case tooManyPartitions(topic: String, limit: Int)
    /// The topic's records are never deleted, only compacted.
    case undeletable(TopicPartition)
    /// The new settings of a topic are invalid; it is unchanged.
    case invalidSettings(topic: String, reason: String)
    /// The topic holds the broker's own records: clients may neither delete it nor write to it.
    case internalTopic(String)
    case unknownPartition(TopicPartition, partitionCount: Int32)
    /// The broker's own records of `holder` (a group, a transactional id) are in a partition that cannot be read.
    case unreadable(holder: String, TopicPartition, LogError)
    /// The partition's log refused or failed.
    case log(TopicPartition, LogError)
    /// The data directory or its disk failed.
    case storage(LogError)
    /// A group's name, or an offset's metadata, cannot be stored.
    case invalidCommit(reason: String)
    /// The producer has been fenced by a newer one with that transactional id.
    case producerFenced(id: String)
    /// The request does not fit the state of the transaction.
    case invalidTransaction(id: String, reason: String)
    /// The producer is not the one that has the transactional id, or the id has none.
    case unknownProducer(id: String, producer: Int64)
    /// The transaction's end, or the fencing of its producer, is in progress: the request may be repeated soon.
    case transactionInProgress(id: String)
    /// A transaction can be open for 1 to `longestMs` milliseconds.
    case invalidTransactionTimeout(ms: Int32, longestMs: Int64)
    /// The request is invalid.
    case invalidProducerRequest(reason: String)
    /// The limit of transactional ids is reached.
    case tooManyTransactionalIDs(limit: Int)
    /// The broker knows no such transactional id.
    case unknownTransactionalID(String)
    /// The group has members, but the caller would have to be the only one.
    case groupInUse(String)
    case closed
}
