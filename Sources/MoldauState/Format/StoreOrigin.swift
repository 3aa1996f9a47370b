import MoldauRecords

/// The topic that leads to a store's data.
package struct StoreOrigin: Equatable, Sendable {
    /// As it is called in the cluster.
    package let topic: String
    /// nil where the cluster gives topics none.
    package let id: TopicID?
    /// Whether it is the store's changelog; otherwise it is a topic of others that the store is made of, with all that it holds.
    package let isChangelog: Bool

    package init(topic: String, id: TopicID?, isChangelog: Bool) {
        (self.topic, self.id, self.isChangelog) = (topic, id, isChangelog)
    }
}

extension StoreMetadata {
    /// Why the data is not of that topic; nil where it may be.
    func mismatch(with origin: StoreOrigin) -> String? {
        let held = origin.isChangelog ? changelogID : topicIDs[origin.topic]
        if let held, let id = origin.id, held != id {
            return "the topic '\(origin.topic)' is another one than the store was made of (id \(id), it was \(held))"
        }
        if origin.isChangelog || held != nil { return nil }
        let others = topicIDs.isEmpty ? Set(positions.keys.map(\.topic)) : Set(topicIDs.keys)
        guard !others.isEmpty, !others.contains(origin.topic) else { return nil }
        let names = others.sorted().map { "'\($0)'" }.joined(separator: ", ")
        return "the store is made of the topic '\(origin.topic)' now, and was made of \(names)"
    }

    /// Notes that the data is of that topic.
    mutating func note(_ origin: StoreOrigin) {
        if origin.isChangelog {
            changelogID = origin.id ?? changelogID
        } else {
            topicIDs = origin.id.map { [origin.topic: $0] } ?? topicIDs
        }
    }
}
