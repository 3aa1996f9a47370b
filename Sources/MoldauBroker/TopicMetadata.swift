package import MoldauRecords

/// A topic with its explicit settings.
package struct TopicMetadata: Equatable, Sendable {
    package let name: String
    package let partitionCount: Int32
    /// The explicit settings, by Kafka's names.
    package let configuration: [String: String]
    /// Distinguishes it from earlier and later topics of its name; nil in a request to create a topic: the broker
    /// assigns an id.
    package let id: TopicID?

    package init(name: String, partitionCount: Int32, configuration: [String: String] = [:], id: TopicID? = nil) {
        self.name = name
        self.partitionCount = partitionCount
        self.configuration = configuration
        self.id = id
    }

    /// The same topic with other settings.
    func with(_ settings: [String: String]) -> TopicMetadata {
        TopicMetadata(name: name, partitionCount: partitionCount, configuration: settings, id: id)
    }

    /// The same topic with another number of partitions.
    func with(partitionCount: Int32) -> TopicMetadata {
        TopicMetadata(name: name, partitionCount: partitionCount, configuration: configuration, id: id)
    }

    /// The same topic with that id.
    func with(_ id: TopicID) -> TopicMetadata {
        TopicMetadata(name: name, partitionCount: partitionCount, configuration: configuration, id: id)
    }
}
