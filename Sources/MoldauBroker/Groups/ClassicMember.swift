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
    /// Its position among the members, in order of joining; a static member's successor takes its position.
    var seat: Int

    /// The JoinGroup or SyncGroup that waits for the others.
    var join: GroupTicket?
    var sync: GroupTicket?
    /// Whether it waits in its first join: it may be gone without being noticed.
    var isNew = false
    /// When it is removed unless it sends a heartbeat. nil while it waits, because it sends none then.
    var deadline: Duration?

    /// The metadata for the leader, if that protocol is chosen.
    func metadata(_ name: String?) -> [UInt8] { protocols.first { $0.name == name }?.metadata ?? [] }

    var sessionTimeout: Duration { .milliseconds(sessionTimeoutMs) }

    /// Whether it waits for an answer, and so may be silent.
    var isWaiting: Bool { join != nil || sync != nil }

    func joined(_ name: String?) -> GroupAnswer.JoinedMember {
        GroupAnswer.JoinedMember(memberID: id, instanceID: instanceID, metadata: metadata(name))
    }
}
