// Applications in the process are members of groups, like clients on a network, but for two things: they are alive as
// long as the process, and their positions come by direct calls (`Broker.commit`), which trust them.

package import MoldauRecords

/// An application's membership of a group. No two are equal.
package struct GroupResidence: Hashable, Sendable {
    package let group: String
    let number: Int
}

extension Broker {
    /// Makes an application in this process the only member of a group: it may work on everything until it leaves.
    /// Others cannot join meanwhile, whatever they offer, or commit unless in a transaction; who describes the group
    /// sees it.
    /// - Throws: `BrokerError.groupInUse` if the group has members.
    package func join(_ group: String) throws(BrokerError) -> GroupResidence {
        guard let number = groups.inOrder({ $0.coordinator.admit(to: group) }) else { throw .groupInUse(group) }
        return GroupResidence(group: group, number: number)
    }

    /// Nothing for who has left before.
    package func leave(_ residence: GroupResidence) {
        groups.inOrder { $0.coordinator.dismiss(residence.number, from: residence.group) }
    }

    /// Tells what a thread of the application works on, for those who describe the group.
    /// - Parameters:
    ///   - worker: what this returned for the thread before; nil for a new one.
    ///   - client: the thread's name.
    /// - Returns: nil if there is no application in the group.
    package func note(
        _ partitions: Set<TopicPartition>, of worker: Int?, _ client: String, in group: String
    ) -> Int? {
        groups.inOrder { $0.coordinator.note(partitions, of: worker, client, in: group) }
    }

    /// A thread of an application works on nothing any more.
    package func forget(worker: Int, in group: String) { groups.inOrder { $0.coordinator.forget(worker, in: group) } }
}
