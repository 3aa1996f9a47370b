internal import MoldauRecords
internal import Synchronization

/// The serdes of the topics that a consumer reads.
final class TopicTable<Key, Value>: Sendable {
    private struct State {
        /// Topics stay when the subscription changes: records fetched from them are still decoded.
        var topics: [String: Topic<Key, Value>] = [:]
        var pattern: TopicPattern<Key, Value>?
    }

    private let state = Mutex(State())

    func add(_ topics: [Topic<Key, Value>]) {
        state.withLock { state in
            for topic in topics where state.topics[topic.name] == nil { state.topics[topic.name] = topic }
        }
    }

    /// The serdes of topics that are not in `topics`.
    func add(_ pattern: TopicPattern<Key, Value>) { state.withLock { $0.pattern = pattern } }

    /// - Returns: nil for a topic that was never subscribed to.
    subscript(name: String) -> Topic<Key, Value>? {
        state.withLock { state in
            if let known = state.topics[name] { return known }
            guard let pattern = state.pattern else { return nil }
            let topic = Topic(name, key: pattern.key, value: pattern.value)
            state.topics[name] = topic
            return topic
        }
    }
}

extension TopicPattern {
    /// The pattern as an expression.
    /// - Throws: `ClientError.invalidSetting`.
    func expression() throws(ClientError) -> TopicExpression {
        guard let expression = TopicExpression(pattern) else {
            throw .invalidSetting(
                "topic pattern",
                reason: "'\(pattern)' is not a regular expression of RE2, or it is too large; see Docs/Clients.md"
            )
        }
        return expression
    }
}
