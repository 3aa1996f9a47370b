import MoldauState

extension Topology {
    /// The topics whose records are rows, of which the newest per key is valid: those of tables, of global tables and
    /// of read-only stores. The value says how long older rows may still be needed: zero except for versioned tables.
    ///
    /// Rows do not expire, so such a topic should be compacted and should not delete records by age.
    package var tableTopics: [String: Duration] {
        var topics = globalTables.reduce(into: [:]) { $0[$1.topic] = Duration.zero }
        for node in nodes {
            guard let source = node.source, source.isTable else { continue }
            let names = nodes.filter { $0.parents.contains(node.name) }.flatMap(\.stores)
            let history = stores.filter { names.contains($0.name) }.compactMap(\.historyRetention).max()
            for topic in source.topics { topics[topic] = history ?? .zero }
        }
        for changelog in sourceChangelogs where topics[changelog.topic] == nil { topics[changelog.topic] = .zero }
        return topics
    }
}
