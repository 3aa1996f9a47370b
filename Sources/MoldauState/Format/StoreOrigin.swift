import MoldauRecords

/// The topic that a store's data comes from.
package struct StoreOrigin: Equatable, Sendable {
    /// The topic's name in the cluster.
    package let topic: String
    /// nil if the cluster's topics have no ids.
    package let id: TopicID?
    /// Whether it is the store's changelog. Otherwise it is a topic that others write, and the store has all of its
    /// content.
    package let isChangelog: Bool

    package init(topic: String, id: TopicID?, isChangelog: Bool) {
        (self.topic, self.id, self.isChangelog) = (topic, id, isChangelog)
    }
}

extension StoreMetadata {
    /// Why the data cannot be from that topic; nil if it may be.
    func mismatch(with origin: StoreOrigin) -> String? {
        let held = origin.isChangelog ? changelogID : topicIDs[origin.topic]
        if let held, let id = origin.id, held != id {
            return "the topic '\(origin.topic)' is not the one that the store was built from (id \(id), it was \(held))"
        }
        if origin.isChangelog || held != nil { return nil }
        let others = topicIDs.isEmpty ? Set(positions.keys.map(\.topic)) : Set(topicIDs.keys)
        guard !others.isEmpty, !others.contains(origin.topic) else { return nil }
        let names = others.sorted().map { "'\($0)'" }.joined(separator: ", ")
        return "the store is built from the topic '\(origin.topic)' now, but was built from \(names)"
    }

    /// Records that the data is from that topic.
    mutating func note(_ origin: StoreOrigin) {
        if origin.isChangelog {
            changelogID = origin.id ?? changelogID
        } else {
            topicIDs = origin.id.map { [origin.topic: $0] } ?? topicIDs
        }
    }
}
