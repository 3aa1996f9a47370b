import MoldauRecords

/// What a group asks of a member: its work is divided by the members themselves, whichever of them the cluster picks.
///
/// Calls come from any thread, never two at once, and must not block.
public protocol GroupWorker: AnyObject, Sendable {
    /// What the member tells the one that divides the work: in the members' own format, which the cluster does not
    /// read.
    func report() -> GroupReport
    /// Divides the work among the members, by what they have told: called on one of them.
    func divide(_ reports: [String: [UInt8]]) throws -> [String: GroupShare]
    /// The member's share from now on. Work that it has and that is not in the share it gives up, and then calls
    /// `divideAnew`; until then nobody else should get it.
    func take(_ share: [UInt8])
    /// The group has removed the member: it must not commit what it has, which others may have already. When it has
    /// given up everything, it calls `divideAnew` to come back.
    func lost(because reason: String)
    /// The member is out for good.
    func failed(_ error: ClusterError)
}

/// What a member tells the others.
public struct GroupReport: Sendable, Equatable {
    /// The topics that the group reads: for those who look at the group from outside.
    public var topics: Set<String>
    /// What the members have agreed on.
    public var data: [UInt8]

    /// What a member tells the others.
    public init(topics: Set<String>, data: [UInt8]) { (self.topics, self.data) = (topics, data) }
}

/// A member's share of a group's work.
public struct GroupShare: Sendable, Equatable {
    /// The partitions that the member reads: for those who look at the group from outside.
    public var partitions: Set<TopicPartition>
    /// What the members have agreed on.
    public var data: [UInt8]

    /// A member's share of a group's work.
    public init(partitions: Set<TopicPartition>, data: [UInt8]) { (self.partitions, self.data) = (partitions, data) }
}

/// A member's place in a group. It is kept whatever the member does meanwhile, and ends with `leave`, or when the
/// object is deallocated. May be used by any thread.
public final class GroupMembership: Sendable {
    /// Whether the group may have other members.
    public let isShared: Bool
    private let divide: @Sendable () -> Void
    private let end: @Sendable () -> Void

    /// - Parameters:
    ///   - isShared: whether the group may have other members.
    ///   - divide: has the work divided anew, after asking the members.
    ///   - end: gives up the place; may be called more than once.
    public init(isShared: Bool, divide: @escaping @Sendable () -> Void, end: @escaping @Sendable () -> Void) {
        (self.isShared, self.divide, self.end) = (isShared, divide, end)
    }

    /// The place of the only member of a group, which gets all of the work at once.
    public convenience init(alone worker: any GroupWorker, end: @escaping @Sendable () -> Void = {}) {
        self.init(
            isShared: false,
            divide: {
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

    /// Has the work divided anew: for the first time, or because what the member would report has changed. Before it is
    /// called the member has nothing. Does not wait for the share.
    public func divideAnew() { divide() }

    /// Ends the membership. The member must have given up its work.
    public func leave() { end() }
}
