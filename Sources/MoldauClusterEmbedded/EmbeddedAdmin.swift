internal import MoldauBroker
internal import MoldauCluster
internal import MoldauLog
internal import MoldauRecords

/// Manages the topics of a broker in this process.
final class EmbeddedAdmin<Files: FileSystem>: Admin {
    private let broker: Broker<Files>

    init(_ broker: Broker<Files>) { self.broker = broker }

    func topics() throws -> [TopicDescription] { broker.topics().map(TopicDescription.init) }

    func describe(_ names: Set<String>) throws -> [String: TopicDescription] {
        var found: [String: TopicDescription] = [:]
        for name in names { found[name] = broker.topic(name).map(TopicDescription.init) }
        return found
    }

    func create(_ topics: [NewTopic]) throws {
        let topics = topics.map {
            TopicMetadata(name: $0.name, partitionCount: $0.partitionCount, configuration: $0.configuration)
        }
        try translating { () throws(BrokerError) in
            for topic in topics {
                try checkName(topic.name)
                if let reason = objection(to: topic.configuration) {
                    throw .invalidTopic(name: topic.name, reason: reason)
                }
            }
            try broker.create(topics)
        }
    }

    func configure(_ topic: String, _ changes: [String: String?]) throws {
        try translating { () throws(BrokerError) in
            if let reason = objection(to: changes.compactMapValues(\.self)) {
                throw .invalidSettings(topic: topic, reason: reason)
            }
            try broker.configure(topic, changes)
        }
    }

    func delete(_ topics: [String]) throws {
        for name in topics { try translating { () throws(BrokerError) in try broker.delete(name) } }
    }

    func deleteRecords(before offsets: [TopicPartition: Offset]) throws {
        // Callers that delete the records rely on what they have written since, such as a commit. A power cut must not
        // lose that and leave the records deleted.
        try translating { () throws(BrokerError) in try broker.syncNow() }
        for (name, offset) in offsets.sorted(by: { $0.key < $1.key }) {
            try translating { () throws(BrokerError) in
                try checkName(name.topic)
                try broker.partition(name).deleteRecords(before: offset)
            }
        }
    }

    func progress(of names: Set<String>?) throws -> [GroupProgress] {
        let known = broker.groupNames()
        return try known.filter { names?.contains($0.name) ?? true }.map { name, hasMembers in
            try translating { () throws(BrokerError) in try broker.checkReadable(group: name) }
            var partitions: [TopicPartition: GroupProgress.Place] = [:]
            for (partition, committed) in broker.committedOffsets(of: name) {
                // A topic that is deleted has no end.
                guard let end = try? broker.partition(partition).endOffset() else { continue }
                partitions[partition] = GroupProgress.Place(committed: committed.offset, end: end)
            }
            return GroupProgress(group: name, hasMembers: hasMembers, partitions: partitions)
        }
    }

    /// The reason why a topic cannot have these settings. Besides Kafka's it can have this project's own.
    private func objection(to settings: [String: String]) -> String? {
        TopicSetting.objection(to: settings.filter { !$0.key.hasPrefix(NewTopic.ownSettingPrefix) })
    }

    /// Refuses the broker's own topics.
    private func checkName(_ topic: String) throws(BrokerError) {
        if Broker<Files>.isInternal(topic) { throw .internalTopic(topic) }
    }

    func close() {}
}

extension TopicDescription {
    fileprivate init(_ topic: TopicMetadata) {
        self.init(
            name: topic.name, partitionCount: topic.partitionCount, configuration: topic.configuration, id: topic.id)
    }
}
