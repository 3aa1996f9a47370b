// Applications in the process are members of groups, like clients on a network, with two differences: they live as long
// as the process, and they commit positions by direct calls (`Broker.commit`), which trust them.

package import MoldauRecords

/// An application's membership of a group. No two are equal.
package struct GroupResidence: Hashable, Sendable {
    package let group: String
    let number: Int
}

extension Broker {
    /// Makes an application in this process the only member of a group: it may process all partitions until it leaves.
    /// Meanwhile other members cannot join, whatever protocols they offer, or commit except in a transaction;
    /// descriptions of the group show the application.
    /// - Throws: `BrokerError.groupInUse` if the group has members.
    package func join(_ group: String) throws(BrokerError) -> GroupResidence {
        guard let number = groups.inOrder({ $0.coordinator.admit(to: group) }) else { throw .groupInUse(group) }
        return GroupResidence(group: group, number: number)
    }

    /// No-op if the application already left.
    package func leave(_ residence: GroupResidence) {
        groups.inOrder { $0.coordinator.dismiss(residence.number, from: residence.group) }
    }

    /// Records which partitions a thread of the application processes, for descriptions of the group.
    /// - Parameters:
    ///   - worker: what this returned for the thread before; nil for a new one.
    ///   - client: the thread's name.
    /// - Returns: nil if there is no application in the group.
    package func note(
        _ partitions: Set<TopicPartition>, of worker: Int?, _ client: String, in group: String
    ) -> Int? {
        groups.inOrder { $0.coordinator.note(partitions, of: worker, client, in: group) }
    }

    /// Called when a thread of the application no longer processes any partition.
    package func forget(worker: Int, in group: String) { groups.inOrder { $0.coordinator.forget(worker, in: group) } }
}
