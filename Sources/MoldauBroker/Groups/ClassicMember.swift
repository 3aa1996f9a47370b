internal import MoldauRecords

/// A member of a group of the classic protocol.
struct ClassicMember: Equatable, Sendable {
    var id: String
    var instanceID: String?
    var client: GroupClient
    var sessionTimeoutMs: Int32
    var rebalanceTimeoutMs: Int32
    var protocols: [GroupProtocol]
    var assignment: [UInt8] = []
    /// Its place among the members, by when they came; a static member's successor takes its place.
    var seat: Int

    /// The JoinGroup or SyncGroup that waits for the others.
    var join: GroupTicket?
    var sync: GroupTicket?
    /// Whether it waits in its first join: it may have gone, and nobody would notice.
    var isNew = false
    /// When it is removed unless it is heard of. nil while it waits, for then it need not be heard of.
    var deadline: Duration?

    /// What it tells the leader, if that protocol is chosen.
    func metadata(_ name: String?) -> [UInt8] { protocols.first { $0.name == name }?.metadata ?? [] }

    var sessionTimeout: Duration { .milliseconds(sessionTimeoutMs) }

    /// Whether it may be silent: it waits for an answer.
    var isWaiting: Bool { join != nil || sync != nil }

    func joined(_ name: String?) -> GroupAnswer.JoinedMember {
        GroupAnswer.JoinedMember(memberID: id, instanceID: instanceID, metadata: metadata(name))
    }
}
