package import MoldauRecords

/// The time, passed to the coordinator with each event.
package struct GroupMoment: Equatable, Sendable {
    /// Of a clock that is never set: deadlines are measured with it.
    package var uptime: Duration
    /// Of the wall clock, for what is written down.
    package var time: Timestamp

    package init(uptime: Duration, time: Timestamp) {
        self.uptime = uptime
        self.time = time
    }
}

/// Identifies a request that waits for its answer: a number that the driver chooses, and gets back.
package struct GroupTicket: Hashable, Comparable, Sendable {
    package var number: Int

    package init(_ number: Int) { self.number = number }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// What the driver of the coordinator has to do.
package enum GroupAction: Equatable, Sendable {
    /// Append these records to `__consumer_offsets`, as one batch, in the order of the actions.
    case append(GroupWrite)
    /// Answer this request once the write of this number, and all before it, are durable; 0: at once. If that write
    /// failed: with `coordinatorNotAvailable`. So no answer states anything that a crash can lose.
    case answer(GroupTicket, GroupAnswer, after: Int)
}

/// Records that are written together.
package struct GroupWrite: Equatable, Sendable {
    /// 1 for the first, then consecutive.
    package var number: Int
    /// The partition of the topic for the group's records.
    package var partition: Int32
    package var records: [GroupRecord]
    /// For offsets in a transaction: its producer. They take effect once the coordinator gets its commit marker.
    package var producer: ProducerIdentity?
}
