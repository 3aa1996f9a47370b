import MoldauClient
import MoldauRecords

/// Keeps the target's topics and their settings in line with the source's.
struct MirrorTopics {
    let source: AdminClient
    let target: AdminClient
    let options: MirrorOptions

    /// Settings that each cluster decides for itself: they depend on its brokers, or would change or reject records'
    /// timestamps.
    private static let ownSettings: Set<String> = [
        "follower.replication.throttled.replicas", "leader.replication.throttled.replicas", "min.insync.replicas",
        "message.timestamp.type", "message.timestamp.before.max.ms", "message.timestamp.after.max.ms",
        "message.timestamp.difference.max.ms", "unclean.leader.election.enable",
    ]

    /// Creates missing topics, and updates settings that differ. Blocks.
    /// - Returns: the source's topics to copy, by name.
    func refresh() throws -> [String: AdminClient.TopicDescription] {
        let (source, target) = (source, target)
        let names = try waiting { try await source.listTopics() }.map(\.name).filter(options.copies(topic:))
        let wanted = try waiting { try await source.describeTopics(names) }.compactMapValues { try $0.present() }
        let current = try waiting { try await target.describeTopics(names) }.compactMapValues { try $0.present() }
        let settings = try own(wanted.keys.sorted(), source)
        try create(wanted.filter { current[$0.key] == nil }, settings)
        let counts = wanted.filter { name, topic in
            current[name].map { $0.partitions.count < topic.partitions.count } ?? false
        }
        .mapValues { Int32($0.partitions.count) }
        if !counts.isEmpty { _ = try waiting { try await target.createPartitions(counts).all() } }
        try configure(wanted.keys.filter { current[$0] != nil }, settings)
        return wanted
    }

    /// Creates the topic with the mirror's notes. It is compacted.
    func createNotes() throws {
        let target = target
        let topic = AdminClient.NewTopic(
            options.name, partitions: 1, replicationFactor: options.replicationFactor,
            configs: ["cleanup.policy": "compact"])
        let outcome = try waiting { try await target.createTopics([topic]) }[options.name]
        if case .failure(let error) = outcome, error.refusal != .topicAlreadyExists { throw error }
    }

    private func create(
        _ topics: [String: AdminClient.TopicDescription], _ settings: [String: [String: String]]
    ) throws {
        guard !topics.isEmpty else { return }
        let target = target
        let new = topics.sorted(on: \.key).map { name, topic in
            // Explicit, whatever the target's default is: timestamps are copied.
            AdminClient.NewTopic(
                name, partitions: Int32(topic.partitions.count), replicationFactor: options.replicationFactor,
                configs: (settings[name] ?? [:]).merging(["message.timestamp.type": "CreateTime"]) { $1 })
        }
        _ = try waiting { try await target.createTopics(new).all() }
        LineOutput.tell("created \(new.map(\.name).joined(separator: ", "))")
    }

    private func configure(_ names: [String], _ settings: [String: [String: String]]) throws {
        let target = target
        let before = try own(names.sorted(), target)
        var changes: [AdminClient.ConfigResource: [String: AdminClient.ConfigChange]] = [:]
        for name in names {
            let (wanted, current) = (settings[name] ?? [:], before[name] ?? [:])
            var changed: [String: AdminClient.ConfigChange] = [:]
            for (setting, value) in wanted where current[setting] != value { changed[setting] = .set(value) }
            for setting in current.keys where wanted[setting] == nil { changed[setting] = .delete }
            if !changed.isEmpty { changes[.topic(name)] = changed }
        }
        guard !changes.isEmpty else { return }
        let all = changes
        _ = try waiting { try await target.incrementalAlterConfigs(all).all() }
        LineOutput.tell("changed settings of \(all.keys.sorted().map(\.name).joined(separator: ", "))")
    }

    /// The settings of topics, by name, without those that each cluster decides.
    private func own(_ names: [String], _ admin: AdminClient) throws -> [String: [String: String]] {
        guard !names.isEmpty else { return [:] }
        let described = try waiting { try await admin.describeConfigs(names.map { .topic($0) }).all() }
        return described.reduce(into: [:]) { settings, entry in
            let own = entry.value.filter { $0.source == .topic && !Self.ownSettings.contains($0.name) }
            settings[entry.key.name] = Dictionary(own.compactMap { entry in entry.value.map { (entry.name, $0) } }) {
                $1
            }
        }
    }
}

extension Result where Failure == ClientError {
    /// nil for a topic that does not exist.
    fileprivate func present() throws(ClientError) -> Success? {
        if case .failure(.unknownTopic) = self { return nil }
        return try get()
    }
}
