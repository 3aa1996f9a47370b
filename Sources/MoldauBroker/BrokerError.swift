package import MoldauLog
package import MoldauRecords

/// Why the broker refused a request, or failed. Each case holds the facts.
package enum BrokerError: Error, Equatable {
    case unknownTopic(String)
    case topicExists(String)
    case invalidTopic(name: String, reason: String)
    /// A topic cannot have that many partitions, or has more already.
    case invalidPartitions(topic: String, reason: String)
    /// There may be no more topics, or no more partitions, than `limit`.
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
    /// Another producer with that transactional id has taken over.
    case producerFenced(id: String)
    /// The request does not fit the state of the transaction.
    case invalidTransaction(id: String, reason: String)
    /// The producer is not the one that has the transactional id, or nobody has it.
    case unknownProducer(id: String, producer: Int64)
    /// The transaction's end, or the fencing of its producer, is in progress: the request may be repeated soon.
    case transactionInProgress(id: String)
    /// A transaction can be open for 1 to `longestMs` milliseconds.
    case invalidTransactionTimeout(ms: Int32, longestMs: Int64)
    /// The request cannot be meant so.
    case invalidProducerRequest(reason: String)
    /// The broker knows as many transactional ids as it may.
    case tooManyTransactionalIDs(limit: Int)
    /// The broker knows no such transactional id.
    case unknownTransactionalID(String)
    /// The group has a member, and takes one only.
    case groupInUse(String)
    case closed
}
