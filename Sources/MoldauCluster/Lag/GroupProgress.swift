public import MoldauRecords

/// The progress of a group in the partitions that it reads, as the cluster knows it.
public struct GroupProgress: Hashable, Sendable {
    /// The group's name; that of an application's group is its id.
    public var group: String
    /// Whether the group has members. Readers that have not joined do not count.
    public var hasMembers: Bool
    /// The partitions in which it has committed an offset, and that still exist.
    public var partitions: [TopicPartition: Place]

    /// A group and its committed offsets.
    package init(group: String, hasMembers: Bool, partitions: [TopicPartition: Place]) {
        (self.group, self.hasMembers, self.partitions) = (group, hasMembers, partitions)
    }

    /// A group's position in a partition.
    public struct Place: Hashable, Sendable {
        /// The committed offset: of the next record to read.
        public var committed: Offset
        /// The offset after the partition's last record.
        public var end: Offset

        /// A committed offset, and the end of its partition.
        package init(committed: Offset, end: Offset) { (self.committed, self.end) = (committed, end) }

        /// How many offsets are left to read; 0 for a partition that ends before the committed offset.
        public var lag: Int64 { committed.lag(behind: end) }
    }
}
