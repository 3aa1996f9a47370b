/// Identifies the member that commits a group's offsets in a transaction (KIP-447): provided by a consumer, passed to a
/// transactional producer.
///
/// Only the cluster that created it reads it: a cluster whose groups have generations refuses the commit of a member
/// that the group has removed. Code in between passes it on unchanged.
package struct GroupMetadata: Hashable, Sendable {
    /// The name of the group.
    package let group: String
    /// The number of the group's assignment; −1 if the caller is not a member: then it is not checked.
    package let generation: Int32
    /// The member's id in the group; empty if the caller is not a member.
    package let memberID: String
    /// The name of a static member (KIP-345).
    package let instanceID: String?

    /// - Parameter group: for a caller that is not a member, the only argument.
    package init(group: String, generation: Int32 = -1, memberID: String = "", instanceID: String? = nil) {
        (self.group, self.generation, self.memberID, self.instanceID) = (group, generation, memberID, instanceID)
    }
}
