internal import MoldauClient
internal import MoldauCluster
internal import MoldauRecords

/// Manages the topics of a Kafka cluster, and inspects its groups.
final class KafkaAdmin: Admin {
    private let cluster: KafkaCluster

    init(_ cluster: KafkaCluster) { self.cluster = cluster }

    private func ask<Value: Sendable>(
        _ body: @escaping @Sendable (AdminClient) async throws -> Value
    ) throws -> Value {
        let questions = cluster.questions
        return try translating { try waiting { try await body(questions) } }
    }

    func topics() throws -> [TopicDescription] {
        let names = try ask { try await $0.listTopics(includesInternal: true) }.map(\.name)
        return try describe(Set(names)).sorted(on: \.key).map(\.value)
    }

    func describe(_ names: Set<String>) throws -> [String: TopicDescription] {
        guard !names.isEmpty else { return [:] }
        let described = try ask { try await $0.describeTopics(names.sorted()) }
        var found: [String: AdminClient.TopicDescription] = [:]
        for (name, outcome) in described {
            switch outcome {
            case .success(let topic): found[name] = topic
            case .failure(.unknownTopic): continue
            case .failure(let error): throw ClusterError(error)
            }
        }
        let settings = try settings(of: found.keys.sorted())
        return found.reduce(into: [:]) { result, entry in
            guard let own = settings[entry.key] else { return }
            result[entry.key] = TopicDescription(entry.value, own)
        }
    }

    /// The settings that are in force. Topics deleted in the meantime are missing.
    private func settings(of names: [String]) throws -> [String: [AdminClient.ConfigEntry]] {
        guard !names.isEmpty else { return [:] }
        let described = try ask { try await $0.describeConfigs(names.map { .topic($0) }) }
        var found: [String: [AdminClient.ConfigEntry]] = [:]
        for (topic, outcome) in described {
            switch outcome {
            case .success(let entries): found[topic.name] = entries
            case .failure(.unknownTopic): continue
            case .failure(let error): throw ClusterError(error)
            }
        }
        return found
    }

    var replicationFactor: Int? { cluster.options.replicationFactor.map(Int.init) }

    func create(_ topics: [NewTopic]) throws {
        guard !topics.isEmpty else { return }
        let factor = cluster.options.replicationFactor
        try create(topics, replicationFactor: factor) { $0 }
        try waitUntilKnown(topics.map(\.name))
    }

    /// Kafka's brokers learn of a new topic some time after its creation. Until then it can be neither described nor
    /// written to.
    private func waitUntilKnown(_ names: [String]) throws {
        let end = ContinuousClock.now + min(Self.patience, cluster.options.deliveryTimeout)
        while ContinuousClock.now < end {
            let isKnown = try ask { admin in
                let described = try await admin.describeTopics(names)
                if described.values.allSatisfy({ (try? $0.get()) != nil }) { return true }
                try await Task.sleep(for: .milliseconds(20))
                return false
            }
            if isKnown { return }
        }
    }

    private static var patience: Duration { .seconds(10) }

    /// Kafka's brokers reject settings that they do not know: the topic is then created without ours.
    private func create(
        _ topics: [NewTopic], replicationFactor: Int16?, settings: @escaping ([String: String]) -> [String: String]
    ) throws {
        let wanted = topics.map { topic in
            AdminClient.NewTopic(
                topic.name, partitions: topic.partitionCount, replicationFactor: replicationFactor,
                configs: settings(topic.configuration))
        }
        let outcomes = try ask { try await $0.createTopics(wanted) }
        var unmarked: [NewTopic] = []
        for topic in topics {
            guard case .failure(let error)? = outcomes[topic.name] else { continue }
            let marks = settings(topic.configuration).keys.contains { $0.hasPrefix(NewTopic.ownSettingPrefix) }
            guard error.refusal == .invalidConfig, marks else { throw ClusterError(error, creating: topic.name) }
            unmarked.append(topic)
        }
        guard !unmarked.isEmpty else { return }
        try create(unmarked, replicationFactor: replicationFactor) { settings in
            settings.filter { !$0.key.hasPrefix(NewTopic.ownSettingPrefix) }
        }
    }

    func configure(_ topic: String, _ changes: [String: String?]) throws {
        let changes = changes.mapValues { value -> AdminClient.ConfigChange in value.map { .set($0) } ?? .delete }
        do {
            _ = try ask { try await $0.incrementalAlterConfigs([.topic(topic): changes]).all() }
        } catch ClusterError.unavailable(let reason) {
            throw ClusterError.invalidSettings(topic: topic, reason: reason)
        }
    }

    func delete(_ topics: [String]) throws {
        for name in topics { _ = try ask { try await $0.deleteTopics([name]).all() } }
    }

    func deleteRecords(before offsets: [TopicPartition: Offset]) throws {
        _ = try ask { try await $0.deleteRecords(before: offsets.mapValues { $0 }).all() }
    }

    func progress(of names: Set<String>?) throws -> [GroupProgress] {
        try ask { admin in
            let wanted = if let names { Array(names) } else { try await admin.listGroups().map(\.group) }
            let described = try await admin.describeGroups(wanted)
            var found: [GroupProgress] = []
            for (_, outcome) in described.sorted(on: \.key) {
                switch outcome {
                case .success(let group) where group.state != .dead:
                    found.append(try await Self.progress(of: group, admin))
                case .success, .failure(.refused(Refusal.groupNotFound.rawValue, _, _)): continue
                case .failure(let error): throw error
                }
            }
            return found
        }
    }

    private static func progress(
        of group: AdminClient.GroupDescription, _ admin: AdminClient
    ) async throws -> GroupProgress {
        let committed = try await admin.listGroupOffsets(group.group)
        let ends = try await admin.listOffsets(committed.mapValues { _ in .latest })
        var partitions: [TopicPartition: GroupProgress.Place] = [:]
        for (partition, place) in committed {
            // A deleted topic has no end offset.
            guard let end = try? ends[partition]?.get().offset else { continue }
            partitions[partition] = GroupProgress.Place(committed: place.offset, end: end)
        }
        return GroupProgress(group: group.group, hasMembers: !group.members.isEmpty, partitions: partitions)
    }

    func close() {}
}

extension TopicDescription {
    /// - Parameter settings: all that are in force; those set on the topic itself are its configuration.
    fileprivate init(_ topic: AdminClient.TopicDescription, _ settings: [AdminClient.ConfigEntry]) {
        let own = settings.filter { $0.source == .topic }.compactMap { entry in entry.value.map { (entry.name, $0) } }
        let needed = settings.first { $0.name == "min.insync.replicas" }?.value.flatMap(Int.init)
        self.init(
            name: topic.name, partitionCount: Int32(topic.partitions.count),
            configuration: Dictionary(own) { $1 }, id: topic.id,
            replication: topic.partitions.map(\.replicas.count).min().map {
                Replication(count: $0, needed: needed ?? 1)
            })
    }
}

extension ClusterError {
    /// Why a topic was not created.
    fileprivate init(_ error: ClientError, creating topic: String) {
        switch error.refusal {
        case .topicAlreadyExists: self = .topicExists(topic)
        case .invalidReplicationFactor:
            self = .invalidTopic(
                name: topic,
                reason: "\(error); set 'replicationFactor' to no more than the number of the cluster's brokers")
        case .invalidTopic, .invalidPartitions, .invalidConfig, .policyViolation:
            self = .invalidTopic(name: topic, reason: "\(error)")
        default: self.init(error)
        }
    }
}
