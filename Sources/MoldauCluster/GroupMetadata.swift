/// The group whose offsets a transaction commits: provided by a consumer, passed to a transactional producer.
///
/// Only the cluster that created it reads it. A cluster whose groups have generations adds the member's own (KIP-447),
/// and refuses the commit of a member that the group has removed.
package struct GroupMetadata: Hashable, Sendable {
    /// The name of the group.
    package let group: String

    /// The metadata of a group.
    package init(group: String) { self.group = group }
}
