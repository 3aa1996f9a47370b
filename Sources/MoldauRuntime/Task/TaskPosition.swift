import MoldauRecords

/// Where a task starts in a partition.
package struct TaskPosition: Sendable, Equatable {
    package var offset: Offset
    package var end: Offset
    /// Whether the next start would begin at this offset even without a commit.
    package var isCommitted: Bool
    package var partitionTime: Timestamp
    /// Times that nodes recorded, by store.
    package var processorTimes: [String: Int64]

    package init(
        offset: Offset, end: Offset, partitionTime: Timestamp = .none, processorTimes: [String: Int64] = [:],
        isCommitted: Bool = true
    ) {
        self.isCommitted = isCommitted
        self.offset = offset
        self.end = end
        self.partitionTime = partitionTime
        self.processorTimes = processorTimes
    }
}
