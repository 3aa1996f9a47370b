package import MoldauRecords

/// What happens to the coordinator of groups.
package enum GroupEvent: Equatable, Sendable {
    /// A client asks. It is answered in this event's actions, or in those of a later one.
    case request(GroupRequest, GroupTicket)
    /// A transaction's marker was appended to a partition of `__consumer_offsets`: the offsets that the producer's
    /// transaction has there count, or are forgotten.
    case marker(producer: Int64, isCommit: Bool, partition: Int32)
    /// These are all topics now.
    case topics([GroupTopic])
    /// A topic is no more: nobody needs positions in it.
    case topicDeleted(String)
    /// Positions from the broker itself, whoever is in the group; nil deletes.
    case store(group: String, offsets: [TopicPartition: GroupOffset?])
    /// The time has come that `nextWake` told.
    case wake
    /// Nothing will be done any more: everybody who waits is told.
    case stop
}
