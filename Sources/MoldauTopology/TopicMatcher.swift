/// Matches topic names against a source's pattern.
struct TopicMatcher {
    private let regex: Regex<AnyRegexOutput>

    /// - Throws: `TopologyError.invalidName` if the pattern is not a valid regular expression.
    init(_ pattern: String) throws {
        do { regex = try Regex(pattern) } catch {
            throw TopologyError.invalidName(name: pattern, reason: "it is not a valid regular expression: \(error)")
        }
    }

    static func check(_ pattern: String) throws { _ = try TopicMatcher(pattern) }

    func matches(_ topic: String) -> Bool { topic.wholeMatch(of: regex) != nil }
}

extension Topology {
    /// Whether any source reads topics by a pattern.
    package var readsByPattern: Bool { nodes.contains { $0.source?.pattern != nil } }

    /// The topology with the matching topics of each pattern filled in. A topic that a source names is reserved for
    /// that source.
    /// - Parameter topics: the names of all existing topics.
    /// - Throws: `TopologyError.topicReadTwice` if two patterns match a topic.
    package func matching(_ topics: some Sequence<String>) throws -> Topology {
        guard readsByPattern else { return self }
        let named = Set(nodes.compactMap(\.source).filter { $0.pattern == nil }.flatMap(\.topics))
            .union(globalTables.map(\.topic))
        let candidates = Set(topics).subtracting(named).sorted()
        var (matched, readers) = (self, [String: String]())
        for (index, node) in nodes.enumerated() {
            guard var source = node.source, let pattern = source.pattern else { continue }
            let matcher = try TopicMatcher(pattern)
            source.topics = candidates.filter(matcher.matches)
            for topic in source.topics {
                if let other = readers[topic] {
                    throw TopologyError.topicReadTwice(topic: topic, sources: [other, node.name])
                }
                readers[topic] = node.name
            }
            matched.nodes[index].role = .source(source)
        }
        return matched
    }
}
