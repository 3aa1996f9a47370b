package import MoldauRecords

/// The inputs of the group coordinator.
package enum GroupEvent: Equatable, Sendable {
    /// A client sent a request. It is answered in this event's actions, or in those of a later one.
    case request(GroupRequest, GroupTicket)
    /// A transaction's marker was appended to a partition of `__consumer_offsets`: the pending offsets that the
    /// producer's transaction has there take effect, or are discarded.
    case marker(producer: Int64, isCommit: Bool, partition: Int32)
    /// The complete list of topics has changed to this.
    case topics([GroupTopic])
    /// A topic was deleted: its positions are no longer needed.
    case topicDeleted(String)
    /// Positions from the broker itself, regardless of the group's members; nil deletes.
    case store(group: String, offsets: [TopicPartition: GroupOffset?])
    /// The time of `nextWake` has come.
    case wake
    /// The coordinator is stopping: all waiting requests are answered.
    case stop
}
