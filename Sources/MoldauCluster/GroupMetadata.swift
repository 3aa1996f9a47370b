/// Who commits a group's offsets in a transaction (KIP-447): a consumer gives it, a transactional producer takes it.
///
/// Only the cluster that made it looks into it: a cluster whose groups have generations refuses the commit of a member that
/// the group has gone on without. What lies between passes it on as it is.
public struct GroupMetadata: Hashable, Sendable {
    /// The name of the group.
    public let group: String
    /// Counts the group's assignments; −1 where the caller is no member, and nobody looks at it.
    public let generation: Int32
    /// The member's id as the group knows it; empty where the caller is no member.
    public let memberID: String
    /// The name of a static member (KIP-345).
    public let instanceID: String?

    /// - Parameter group: of a caller that is no member leave the rest as it is.
    public init(group: String, generation: Int32 = -1, memberID: String = "", instanceID: String? = nil) {
        (self.group, self.generation, self.memberID, self.instanceID) = (group, generation, memberID, instanceID)
    }
}
