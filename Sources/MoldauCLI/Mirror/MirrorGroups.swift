import MoldauClient
import MoldauRecords

/// Translates the offsets of the source's groups, and commits them in the target.
struct MirrorGroups {
    let source: AdminClient
    let target: AdminClient
    let options: MirrorOptions

    /// Advances groups that have no members in the target; never moves one back. Blocks.
    /// - Parameter runs: where the copied records are.
    func refresh(_ runs: [TopicPartition: MirrorRuns]) throws {
        let (source, target) = (source, target)
        let names = try waiting { try await source.listGroups() }.map(\.group).filter(options.copies(group:))
        for name in names {
            let committed = try waiting { try await source.listGroupOffsets(name) }
            let wanted = committed.reduce(into: [TopicPartition: Offset]()) { wanted, entry in
                wanted[entry.key] = runs[entry.key]?.target(of: entry.value.offset)
            }
            guard !wanted.isEmpty, try !hasMembers(name) else { continue }
            let current = try waiting { try await target.listGroupOffsets(name) }
            let ahead = wanted.filter { partition, offset in current[partition].map { $0.offset < offset } ?? true }
            guard !ahead.isEmpty else { continue }
            let offsets = Dictionary(
                uniqueKeysWithValues: ahead.map { partition, offset in
                    (
                        partition,
                        AdminClient.OffsetAndMetadata(offset, metadata: committed[partition]?.metadata ?? "")
                    )
                })
            let outcomes = try waiting { try await target.alterGroupOffsets(name, offsets) }
            for outcome in outcomes.values {
                // The group got a member meanwhile, which commits by itself.
                if case .failure(let error) = outcome, error.refusal != .unknownMember { throw error }
            }
        }
    }

    private func hasMembers(_ name: String) throws -> Bool {
        let target = target
        switch try waiting(for: { try await target.describeGroups([name]) })[name] {
        case .success(let group)?: return !group.members.isEmpty
        case .failure(let error)? where error.refusal != .groupNotFound: throw error
        default: return false
        }
    }
}
