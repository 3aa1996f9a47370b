internal import MoldauRecords

/// How a group of the consumer protocol divides partitions among its members.
enum ServerAssignor: String, CaseIterable, Sendable {
    /// Every member gets the same number of partitions, as far as its topics allow, and keeps those that it has. The
    /// default.
    case uniform
    /// Of each topic every member gets neighbouring partitions, and of topics with as many partitions the same ones.
    case range

    /// - Parameters:
    ///   - members: the topics that each subscribes to, by member id.
    ///   - current: the partitions that each has so far.
    func assign(
        _ members: [String: Set<String>], _ topics: [String: GroupTopic], current: [String: Set<GroupPartition>]
    ) -> [String: Set<GroupPartition>] {
        switch self {
        case .uniform: UniformAssignment(members, topics, current: current).balanced()
        case .range: Self.range(members, topics)
        }
    }

    private static func range(
        _ members: [String: Set<String>], _ topics: [String: GroupTopic]
    ) -> [String: Set<GroupPartition>] {
        var assigned = members.mapValues { _ in Set<GroupPartition>() }
        for topic in topics.values {
            let wanting = members.keys.filter { members[$0]?.contains(topic.name) == true }.sorted()
            if wanting.isEmpty { continue }
            let (share, rest) = Int(topic.partitionCount).quotientAndRemainder(dividingBy: wanting.count)
            var first = 0
            for (place, member) in wanting.enumerated() {
                let count = share + (place < rest ? 1 : 0)
                for number in first..<(first + count) {
                    assigned[member, default: []].insert(GroupPartition(topic.id, Int32(number)))
                }
                first += count
            }
        }
        return assigned
    }
}

/// An assignment that is made as even as possible with few moves.
private struct UniformAssignment {
    private let wanted: [String: Set<TopicID>]
    private let members: [String]
    private var assigned: [String: Set<GroupPartition>]

    init(
        _ members: [String: Set<String>], _ topics: [String: GroupTopic], current: [String: Set<GroupPartition>]
    ) {
        wanted = members.mapValues { names in Set(names.compactMap { topics[$0]?.id }) }
        self.members = members.keys.sorted()
        let counts = Dictionary(topics.values.map { ($0.id, $0.partitionCount) }, uniquingKeysWith: max)
        assigned = [:]
        var free: Set<GroupPartition> = []
        for (topic, count) in counts { for number in 0..<count { free.insert(GroupPartition(topic, number)) } }
        for member in self.members {
            let kept = (current[member] ?? []).filter {
                free.contains($0) && wanted[member]?.contains($0.topic) == true
            }
            assigned[member] = kept
            free.subtract(kept)
        }
        for partition in free.sorted() {
            guard let member = lightest(wanting: partition.topic) else { continue }
            assigned[member]?.insert(partition)
        }
    }

    private func load(_ member: String) -> Int { assigned[member]?.count ?? 0 }

    private func lightest(wanting topic: TopicID) -> String? {
        members.filter { wanted[$0]?.contains(topic) == true }.min { (load($0), $0) < (load($1), $1) }
    }

    /// Moves partitions to members that have at least two fewer, until there are none. Each move makes the loads more
    /// even, so it ends.
    func balanced() -> [String: Set<GroupPartition>] {
        var result = self
        while result.moveOne() {}
        return result.assigned
    }

    private mutating func moveOne() -> Bool {
        for heavy in members.sorted(by: { (load($1), $0) < (load($0), $1) }) {
            let topics = Set((assigned[heavy] ?? []).map(\.topic)).sorted()
            let targets = topics.compactMap { topic in lightest(wanting: topic).map { (topic: topic, member: $0) } }
            guard let target = targets.min(by: { (load($0.member), $0.member) < (load($1.member), $1.member) }),
                load(target.member) <= load(heavy) - 2,
                let partition = assigned[heavy]?.filter({ $0.topic == target.topic }).max()
            else { continue }
            assigned[heavy]?.remove(partition)
            assigned[target.member]?.insert(partition)
            return true
        }
        return false
    }
}
