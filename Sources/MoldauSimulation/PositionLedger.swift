import MoldauRecords

/// The commits of a group's members, and their outcomes: every position that is fetched must agree with them.
///
/// The offset of each commit is its number, so that a fetched position identifies its commit.
struct PositionLedger {
    enum Fate {
        /// Its outcome is unknown.
        case asked
        /// Acknowledged, or returned by a fetch.
        case kept
        /// In a transaction whose commit was not requested.
        case pending
        /// Refused, aborted, or invalid from the start.
        case refused
    }

    private struct Commit {
        let partition: TopicPartition
        let by: String
        var fate: Fate
        /// The reason why it must be refused; nil if it may be accepted.
        let objection: String?
    }

    private var commits: [Commit] = []
    /// For each partition the last commit that must exist, unless a later one does.
    private(set) var kept: [TopicPartition: Int] = [:]
    private(set) var violations: [String] = []

    mutating func complain(_ text: String) { violations.append(text) }

    /// - Parameter objection: the reason why it must be refused, if it is already known.
    /// - Returns: the number of the commit.
    mutating func begin(_ partition: TopicPartition, by name: String, _ fate: Fate, objection: String?) -> Int {
        commits.append(
            Commit(partition: partition, by: name, fate: objection == nil ? fate : .refused, objection: objection))
        return commits.count - 1
    }

    mutating func settle(_ number: Int, _ fate: Fate) {
        let commit = commits[number]
        if let objection = commit.objection {
            if fate == .kept || fate == .pending {
                complain("commit \(number) of \(commit.by) was accepted, \(objection)")
            }
            return
        }
        commits[number].fate = fate
        if fate == .kept { kept[commit.partition] = max(kept[commit.partition] ?? 0, number) }
    }

    /// Checks positions that were fetched.
    /// - Parameter required: the kept commits at the time of the request.
    mutating func check(_ found: [TopicPartition: Int], required: [TopicPartition: Int]) {
        for partition in Set(found.keys).union(required.keys).sorted() {
            let (position, least) = (found[partition], required[partition])
            if let least, position.map({ $0 < least }) ?? true {
                complain("the position of \(partition) is \(position ?? -1), but \(least) was acknowledged")
            }
            if let position { check(position, in: partition) }
        }
    }

    private mutating func check(_ position: Int, in partition: TopicPartition) {
        guard commits.indices.contains(position), commits[position].partition == partition else {
            return complain("the position of \(partition) is \(position), which nobody committed")
        }
        let commit = commits[position]
        switch commit.fate {
        case .asked: settle(position, .kept)
        case .kept: break
        case .pending: complain("the position of \(partition) is \(position), and its transaction is open")
        case .refused:
            complain(
                "the position of \(partition) is \(position), a commit of \(commit.by) that was "
                    + (commit.objection.map { "to be refused, \($0)" } ?? "refused or aborted"))
        }
    }
}
