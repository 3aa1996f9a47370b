internal import Synchronization

/// The groups that have members: gives events to their state machines, and carries out what these answer.
package final class Memberships: Sendable {
    fileprivate struct State: Sendable {
        var groups: [String: GroupState] = [:]
        var listeners: [GroupMember: @Sendable () -> Void] = [:]
        var memberCount = 0
    }

    private let state = Mutex(State())
    /// The groups of clients: a group has members of one kind.
    private let groups: Groups?

    package init() { groups = nil }

    init(_ groups: Groups) { self.groups = groups }

    /// Somebody who is to join a group.
    package func makeMember(of group: String) -> GroupMember {
        state.withLock { state in
            state.memberCount += 1
            return GroupMember(group: group, number: state.memberCount)
        }
    }

    /// - Parameter assigned: hears that the member may work on everything; called with no lock held, before this
    ///   returns.
    /// - Throws: `BrokerError.groupInUse`.
    package func join(_ member: GroupMember, assigned: @escaping @Sendable () -> Void) throws(BrokerError) {
        let (isRefused, calls) = state.withLock { state -> (Bool, [@Sendable () -> Void]) in
            if state.groups[member.group] == nil, let groups,
                !groups.inOrder({ $0.coordinator.hold(member.group) })
            {
                return (true, [])
            }
            let actions = state.groups[member.group, default: GroupState()].handle(.join(member))
            if actions.contains(.admit(member)) { state.listeners[member] = assigned }
            return (actions.contains(.refuse(member)), state.calls(for: actions))
        }
        if isRefused { throw .groupInUse(member.group) }
        for call in calls { call() }
    }

    /// Nothing for who is no member.
    package func leave(_ member: GroupMember) {
        state.withLock { state in
            state.listeners[member] = nil
            let actions = state.groups[member.group]?.handle(.leave(member)) ?? []
            guard actions.contains(.dissolve) else { return }
            state.groups[member.group] = nil
            groups?.inOrder { $0.coordinator.release(member.group) }
        }
    }
}

extension Memberships.State {
    fileprivate func calls(for actions: [GroupState.Action]) -> [@Sendable () -> Void] {
        actions.compactMap { action in
            guard case .assignAll(let member) = action else { return nil }
            return listeners[member]
        }
    }
}
