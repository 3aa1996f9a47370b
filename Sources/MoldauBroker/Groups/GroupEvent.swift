/// What happens to the coordinator of groups.
package enum GroupEvent: Equatable, Sendable {
    /// A client asks. It is answered in this event's actions, or in those of a later one.
    case request(GroupRequest, GroupTicket)
    /// The time has come that `nextWake` told.
    case wake
    /// Nothing will be done any more: everybody who waits is told.
    case stop
}
