// How the leader of a group spreads partitions. Members are ordered by their ids, topics by their names, so that each
// leader decides alike.

internal import MoldauRecords

/// What the leader of a group knows, and how it spreads partitions over the members.
struct GroupAssignment {
    /// A member and what it has told.
    struct Member {
        var id: String
        var topics: Set<String>
        /// What it reads now, or has just given up.
        var owned: Set<TopicPartition>
        /// The generation of the group in which it got that.
        var generation: Int32
    }

    private let members: [Member]
    /// The partitions of the topics that exist, in order.
    private let partitions: [TopicPartition]

    /// - Parameter counts: how many partitions topics have.
    init(_ members: [Member], counts: [String: Int32]) {
        self.members = members.sorted(on: \.id)
        partitions = counts.sorted(on: \.key).flatMap { topic, count in
            (0..<max(count, 0)).map { TopicPartition(topic, $0) }
        }
    }

    /// Who reads what. Each member has an entry.
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
                // The first ones get one more if it does not come out even.
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

    /// As even as can be, and as few partitions as possible elsewhere than now.
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

    /// A partition that makes the loads more even in another place. Ends, since each move lowers the sum of their
    /// squares.
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

    /// Who reads each partition now. If two say so, the one that got it later.
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

    /// What moves is first given up by its owner; the next round gives it away.
    private func withoutMoves(_ result: [String: Set<TopicPartition>]) -> [String: Set<TopicPartition>] {
        let owners = owners
        return Dictionary(
            uniqueKeysWithValues: result.map { id, partitions in
                (id, partitions.filter { owners[$0] == nil || owners[$0] == id })
            })
    }
}
