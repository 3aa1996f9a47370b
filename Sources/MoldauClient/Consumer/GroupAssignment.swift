// How the leader of a group assigns partitions. Members are sorted by their ids, topics by their names, so that every
// leader decides alike.

internal import MoldauRecords

/// What the leader of a group knows, and how it assigns partitions to the members.
struct GroupAssignment {
    /// A member and its subscription data.
    struct Member {
        var id: String
        var topics: Set<String>
        /// What it reads now, or has just revoked.
        var owned: Set<TopicPartition>
        /// The generation in which it was assigned those.
        var generation: Int32
    }

    private let members: [Member]
    /// The partitions of the existing topics, in order.
    private let partitions: [TopicPartition]

    /// - Parameter counts: the number of partitions of each topic.
    init(_ members: [Member], counts: [String: Int32]) {
        self.members = members.sorted(on: \.id)
        partitions = counts.sorted(on: \.key).flatMap { topic, count in
            (0..<max(count, 0)).map { TopicPartition(topic, $0) }
        }
    }

    /// The assignment, with an entry for each member.
    func spread(by assignor: ConsumerOptions.Assignor) -> [String: Set<TopicPartition>] {
        switch assignor {
        case .range: range()
        case .roundRobin: roundRobin()
        case .sticky: sticky()
        case .cooperativeSticky: withoutMoves(sticky())
        }
    }

    private var nothing: [String: Set<TopicPartition>] {
        Dictionary(members.map { ($0.id, []) }) { $1 }
    }

    private func range() -> [String: Set<TopicPartition>] {
        var result = nothing
        for topic in Set(partitions.map(\.topic)) {
            let all = partitions.filter { $0.topic == topic }
            let readers = members.filter { $0.topics.contains(topic) }
            guard !readers.isEmpty else { continue }
            var rest = all[...]
            for (place, reader) in readers.enumerated() {
                // If the division leaves a remainder, the first members get one more.
                let count = all.count / readers.count + (place < all.count % readers.count ? 1 : 0)
                result[reader.id]?.formUnion(rest.prefix(count))
                rest = rest.dropFirst(count)
            }
        }
        return result
    }

    private func roundRobin() -> [String: Set<TopicPartition>] {
        var result = nothing
        var turn = 0
        for partition in partitions {
            for _ in members {
                let member = members[turn % members.count]
                turn += 1
                guard member.topics.contains(partition.topic) else { continue }
                result[member.id]?.insert(partition)
                break
            }
        }
        return result
    }

    /// Balanced as evenly as possible, moving as few partitions as possible.
    private func sticky() -> [String: Set<TopicPartition>] {
        var result = nothing
        let owners = owners
        var free: [TopicPartition] = []
        for partition in partitions {
            if let owner = owners[partition] {
                result[owner]?.insert(partition)
            } else {
                free.append(partition)
            }
        }
        for partition in free {
            let readers = members.filter { $0.topics.contains(partition.topic) }
            if let least = readers.min(by: { count($0, result) < count($1, result) }) {
                result[least.id]?.insert(partition)
            }
        }
        while let (partition, from, to) = move(result) {
            result[from]?.remove(partition)
            result[to]?.insert(partition)
        }
        return result
    }

    private func count(_ member: Member, _ result: [String: Set<TopicPartition>]) -> Int {
        result[member.id]?.count ?? 0
    }

    /// A move that makes the loads more even; nil if there is none. Repetition ends, since each move lowers the sum of
    /// the squares of the loads.
    private func move(_ result: [String: Set<TopicPartition>]) -> (TopicPartition, from: String, to: String)? {
        let byLoad = members.sorted { (count($0, result), $0.id) < (count($1, result), $1.id) }
        for heavy in byLoad.reversed() {
            for light in byLoad where count(heavy, result) - count(light, result) >= 2 {
                if let partition = result[heavy.id]?.sorted().last(where: { light.topics.contains($0.topic) }) {
                    return (partition, heavy.id, light.id)
                }
            }
        }
        return nil
    }

    /// The current owner of each partition. If two members claim it, the one that got it in the later generation.
    private var owners: [TopicPartition: String] {
        let known = Set(partitions)
        var owners: [TopicPartition: (id: String, generation: Int32)] = [:]
        for member in members {
            for partition in member.owned where known.contains(partition) && member.topics.contains(partition.topic) {
                if let other = owners[partition], other.generation >= member.generation { continue }
                owners[partition] = (member.id, member.generation)
            }
        }
        return owners.mapValues(\.id)
    }

    /// Without the partitions that move: their owners revoke them first, and the next round assigns them.
    private func withoutMoves(_ result: [String: Set<TopicPartition>]) -> [String: Set<TopicPartition>] {
        let owners = owners
        return Dictionary(
            uniqueKeysWithValues: result.map { id, partitions in
                (id, partitions.filter { owners[$0] == nil || owners[$0] == id })
            })
    }
}
