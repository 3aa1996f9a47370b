internal import MoldauRecords

/// The existing topics, and which of them match the patterns of members.
struct GroupTopics: Sendable {
    private let topics: [String: GroupTopic]
    private var matching: [String: Set<String>] = [:]

    /// The broker's own topics, which match no pattern: members have to name them.
    private static let hidden: Set<String> = ["__consumer_offsets", "__transaction_state"]

    init(_ topics: [GroupTopic] = []) {
        self.topics = Dictionary(topics.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    }

    subscript(name: String) -> GroupTopic? { topics[name] }

    /// The topics of these names that exist.
    func named(_ names: Set<String>) -> [String: GroupTopic] { topics.filter { names.contains($0.key) } }

    /// Finds the topics that a pattern matches: done once, until the topics change.
    ///
    /// - Throws: `.invalidRegularExpression`.
    mutating func resolve(_ pattern: String) throws(GroupError) {
        if pattern.isEmpty || matching[pattern] != nil { return }
        guard let expression = TopicExpression(pattern) else { throw .invalidRegularExpression }
        matching[pattern] = Set(topics.keys.filter { !Self.hidden.contains($0) && expression.matches($0) })
    }

    /// The number of patterns whose topics are cached.
    var patternCount: Int { matching.count }

    /// The same topics without cached patterns.
    var withoutPatterns: GroupTopics {
        var copy = self
        copy.matching = [:]
        return copy
    }

    /// A member's subscription: the topics that it names, and those that its pattern matches.
    func wanted(by member: ConsumerMember) -> Set<String> {
        member.topics.union(member.pattern.flatMap { member.matched ?? matching[$0] } ?? [])
    }

    /// The topics that a pattern matches and that may be described; nil if all may.
    func matched(by pattern: String, _ access: Access) -> Set<String>? {
        access.isUnrestricted ? nil : matching[pattern]?.filter { access.allows(.describe, .topic($0)) }
    }
}
