import MoldauClient
import MoldauRecords

/// Where a group is to resume.
enum OffsetReset: Equatable, Sendable {
    case earliest
    case latest
    case current
    case offset(Offset)
    case shift(Int64)
    case time(Timestamp)

    /// The new offsets, each clamped to those that its partition holds.
    func offsets(
        of partitions: Set<TopicPartition>, _ committed: [TopicPartition: Offset], _ admin: AdminClient
    ) async throws -> [TopicPartition: Offset] {
        let firsts = try await admin.listOffsets(of: partitions, .earliest).all()
        let ends = try await admin.listOffsets(of: partitions, .latest).all()
        var atTime: [TopicPartition: AdminClient.ListedOffset] = [:]
        if case .time(let time) = self { atTime = try await admin.listOffsets(of: partitions, .timestamp(time)).all() }
        var offsets: [TopicPartition: Offset] = [:]
        for partition in partitions.sorted() {
            guard let first = firsts[partition]?.offset, let end = ends[partition]?.offset else { continue }
            let wanted = try wanted(
                in: partition, first...max(first, end), committed[partition], atTime[partition]?.offset)
            offsets[partition] = min(max(wanted, first), max(first, end))
        }
        return offsets
    }

    private func wanted(
        in partition: TopicPartition, _ held: ClosedRange<Offset>, _ committed: Offset?, _ atTime: Offset?
    ) throws -> Offset {
        switch self {
        case .earliest: return held.lowerBound
        case .latest: return held.upperBound
        case .current: return committed ?? held.upperBound
        case .offset(let offset): return offset
        case .time: return atTime ?? held.upperBound
        case .shift(let count):
            guard let committed else {
                throw CommandFailure("the group has no offset in \(partition) that could be shifted")
            }
            let (sum, isTooLarge) = committed.value.addingReportingOverflow(count)
            return isTooLarge ? (count < 0 ? held.lowerBound : held.upperBound) : Offset(sum)
        }
    }
}
