import MoldauBroker
import MoldauRecords

/// The membership of an external process in a group: its requests to the coordinator, and its view.
protocol StrangeMembership: AnyObject {
    /// Its identity as it knows it; nil if it is not a member.
    var identity: MemberGeneration? { get }
    /// Whether it has not yet learned that it is a member.
    var isNew: Bool { get }
    func takeTurn(_ broker: Broker<SimulatedDisk>)
    /// Called when the broker has ended: pending requests are retried.
    func disconnect()
    /// Discards all state.
    func vanish()
}

/// A request to the coordinator, and when it was sent.
struct StrangeQuestion {
    let reply = StrangerReply<GroupAnswer>()
    let time: Timestamp
    /// Its place among all requests: they are handled in this order, but answers may be read late.
    let place: Int
    /// The newest generation that was durable when it was sent.
    let durable: Int32
    /// Whether the sender had already been replaced, by a process with its instance id.
    let wasReplaced: Bool
}
