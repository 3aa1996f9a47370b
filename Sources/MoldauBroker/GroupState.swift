// The members of a group, as a state machine without I/O, time or locks:
//
//     empty ── join ─▶ admit, assign ─▶ taken ── leave of its member ─▶ empty
//                                       taken ── join of another ─▶ refuse
//
// A group takes one member, which has all of the group's work. What a coordinator with several members adds comes as
// more events (a heartbeat, a subscription, a time that has passed) and more actions (to revoke, to wait); who drives
// it stays as it is.

/// Somebody who is, was or wants to be in a group. No two have one number.
package struct GroupMember: Hashable, Sendable {
    package let group: String
    package let number: Int
}

/// One group: what happens to it, and what is to be done about that.
package struct GroupState: Equatable, Sendable {
    /// What happens to a group.
    package enum Event: Equatable, Sendable {
        case join(GroupMember)
        case leave(GroupMember)
    }

    /// What the broker is to do about it.
    package enum Action: Equatable, Sendable {
        /// It is a member from now on.
        case admit(GroupMember)
        /// It may work on everything.
        case assignAll(GroupMember)
        /// The group has as many members as it takes.
        case refuse(GroupMember)
        /// Nobody is left, and nothing is to be kept of the group's membership.
        case dissolve
    }

    private var member: GroupMember?

    package init() {}

    /// - Returns: what is to be done, in this order.
    package mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .join(let new):
            guard member == nil || member == new else { return [.refuse(new)] }
            member = new
            return [.admit(new), .assignAll(new)]
        case .leave(let old):
            // It may have left before, or never have been admitted.
            guard member == old else { return [] }
            member = nil
            return [.dissolve]
        }
    }
}
