import MoldauBroker
import MoldauRecords

/// How a process from outside is in a group: what it asks the coordinator for, and what it believes.
protocol StrangeMembership: AnyObject {
    /// What it believes to be; nil if it is no member.
    var identity: MemberGeneration? { get }
    /// Whether it has not been told that it is a member.
    var isNew: Bool { get }
    func takeTurn(_ broker: Broker<SimulatedDisk>)
    /// The broker is gone: what was asked is asked again.
    func disconnect()
    /// Nothing is known any more.
    func vanish()
}

/// A question to the coordinator, and when it was asked.
struct StrangeQuestion {
    let reply = StrangerReply<GroupAnswer>()
    let time: Timestamp
    /// Its place among all questions: they are heard in this order, but answers may be read late.
    let place: Int
    /// The newest generation that was durable when it was asked.
    let durable: Int32
    /// Whether the one who asks had been replaced already, by a process with its instance id.
    let wasReplaced: Bool
}
