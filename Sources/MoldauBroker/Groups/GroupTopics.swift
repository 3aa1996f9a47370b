internal import MoldauRecords

/// The topics that there are, and which of them the patterns of members match.
struct GroupTopics: Sendable {
    private let topics: [String: GroupTopic]
    private var matching: [String: Set<String>] = [:]

    /// The broker's own topics, which no pattern matches: who wants them names them.
    private static let hidden: Set<String> = ["__consumer_offsets", "__transaction_state"]

    init(_ topics: [GroupTopic] = []) {
        self.topics = Dictionary(topics.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    }

    subscript(name: String) -> GroupTopic? { topics[name] }

    /// Those of these names that there are.
    func named(_ names: Set<String>) -> [String: GroupTopic] { topics.filter { names.contains($0.key) } }

    /// The names that a pattern matches: looked for once, until the topics change.
    ///
    /// - Throws: `.invalidRegularExpression`.
    mutating func resolve(_ pattern: String) throws(GroupError) {
        if pattern.isEmpty || matching[pattern] != nil { return }
        guard let expression = TopicExpression(pattern) else { throw .invalidRegularExpression }
        matching[pattern] = Set(topics.keys.filter { !Self.hidden.contains($0) && expression.matches($0) })
    }

    /// How many patterns it keeps the topics of.
    var patternCount: Int { matching.count }

    /// The same topics, and no patterns.
    var withoutPatterns: GroupTopics {
        var copy = self
        copy.matching = [:]
        return copy
    }

    /// What a member wants: the topics that it names, and those that its pattern matches.
    func wanted(by member: ConsumerMember) -> Set<String> {
        member.topics.union(member.pattern.flatMap { member.matched ?? matching[$0] } ?? [])
    }

    /// The topics that a pattern matches and that may be described; nil if all may.
    func matched(by pattern: String, _ access: Access) -> Set<String>? {
        access.isUnrestricted ? nil : matching[pattern]?.filter { access.allows(.describe, .topic($0)) }
    }
}
