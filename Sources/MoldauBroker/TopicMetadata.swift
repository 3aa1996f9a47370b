package import MoldauRecords

/// A topic as it was created, with the settings that it was given since.
package struct TopicMetadata: Equatable, Sendable {
    package let name: String
    package let partitionCount: Int32
    /// The settings that were given, by Kafka's names.
    package let configuration: [String: String]
    /// Tells it from others of its name, before and after; nil in a wish for a topic: the broker gives it one.
    package let id: TopicID?

    package init(name: String, partitionCount: Int32, configuration: [String: String] = [:], id: TopicID? = nil) {
        self.name = name
        self.partitionCount = partitionCount
        self.configuration = configuration
        self.id = id
    }

    /// The same topic with other settings; those that are nil go.
    func with(_ changes: [String: String?]) -> TopicMetadata {
        var settings = configuration
        for (name, value) in changes { settings[name] = value }
        return TopicMetadata(name: name, partitionCount: partitionCount, configuration: settings, id: id)
    }

    /// The same topic with that id.
    func with(_ id: TopicID) -> TopicMetadata {
        TopicMetadata(name: name, partitionCount: partitionCount, configuration: configuration, id: id)
    }
}
