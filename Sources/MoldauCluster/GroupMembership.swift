import MoldauRecords

/// A group's calls to a member: the work is divided by the members themselves, on whichever of them the cluster picks.
///
/// Calls come from any thread, never two at once, and must not block.
package protocol GroupWorker: AnyObject, Sendable {
    /// The member's report to the one that divides the work: in the members' own format, which the cluster does not
    /// read.
    func report() -> GroupReport
    /// Divides the work among the members according to their reports: called on one of them.
    func divide(_ reports: [String: [UInt8]]) throws -> [String: GroupShare]
    /// Called with the member's share from now on. If the member has work outside it, it releases that work, and then
    /// calls `rebalance`; until then `divide` should give that work to no other member.
    func take(_ share: [UInt8])
    /// Called when the group has removed the member: it must not commit its work, which others may already have. After
    /// it has released all work, it calls `rebalance` to join again.
    func lost(because reason: String)
    /// Called when the membership has failed permanently.
    func failed(_ error: ClusterError)
}

/// A member's report to the others.
package struct GroupReport: Sendable, Equatable {
    /// The topics that the group reads: for tools that describe the group.
    package var topics: Set<String>
    /// Data in the members' own format, which the cluster does not read.
    package var data: [UInt8]

    /// A report with these topics and data.
    package init(topics: Set<String>, data: [UInt8]) { (self.topics, self.data) = (topics, data) }
}

/// A member's share of a group's work.
package struct GroupShare: Sendable, Equatable {
    /// The partitions that the member reads: for tools that describe the group.
    package var partitions: Set<TopicPartition>
    /// Data in the members' own format, which the cluster does not read.
    package var data: [UInt8]

    /// A share with these partitions and data.
    package init(partitions: Set<TopicPartition>, data: [UInt8]) { (self.partitions, self.data) = (partitions, data) }
}

/// A member's place in a group. It is kept whatever the member does, and ends with `leave`, or when the object is
/// deallocated. May be used by any thread.
package final class GroupMembership: Sendable {
    /// Whether the group may have other members.
    package let isShared: Bool
    private let start: @Sendable () -> Void
    private let end: @Sendable () -> Void

    /// - Parameters:
    ///   - isShared: whether the group may have other members.
    ///   - rebalance: starts a new division of the work, which requests the members' reports.
    ///   - end: ends the membership; may be called more than once.
    package init(isShared: Bool, rebalance: @escaping @Sendable () -> Void, end: @escaping @Sendable () -> Void) {
        (self.isShared, self.start, self.end) = (isShared, rebalance, end)
    }

    /// The place of the only member of a group, which gets all of the work at once.
    package convenience init(alone worker: any GroupWorker, end: @escaping @Sendable () -> Void = {}) {
        self.init(
            isShared: false,
            rebalance: {
                do {
                    let shares = try worker.divide([Self.onlyMember: worker.report().data])
                    worker.take(shares[Self.onlyMember]?.data ?? [])
                } catch {
                    worker.failed(.unavailable(reason: "the work cannot be divided: \(error)"))
                }
            }, end: end)
    }

    private static let onlyMember = "only"

    deinit { end() }

    /// Starts a new division of the work: for the first time, or because the member's report has changed. Before the
    /// first call the member has no work. Does not wait for the share.
    package func rebalance() { start() }

    /// Ends the membership. The member must have released its work.
    package func leave() { end() }
}
