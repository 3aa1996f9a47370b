// Checks of existing topics. Settings that would make results wrong, or could never work, are errors; settings that
// only lose records some day cause a warning, since they may be intended.

import MoldauCluster

extension TopicDescription {
    /// Why rows of a table would be lost; nil if the topic retains the newest record of each key.
    var losesRows: String? {
        let policy = configuration["cleanup.policy"] ?? "delete"
        let (age, size) = (configuration["retention.ms"], configuration["retention.bytes"] ?? "-1")
        guard policy.contains("delete"), age != "-1" || size != "-1" else { return nil }
        let limit =
            age == "-1"
            ? "retention.bytes=\(size)" : age.map { "retention.ms=\($0)" } ?? "retention.ms is not set: seven days"
        return
            "the topic '\(name)' is read as a table and deletes old records (cleanup.policy=\(policy), \(limit)): rows that "
            + "nobody writes again will be missing when the table is read again; set cleanup.policy=compact, which keeps each "
            + "key's newest record ('moldau configs alter --topic \(name) --add-config cleanup.policy=compact'), or retention.ms=-1"
    }

    // MARK: Internal topics

    private static var policyKey: String { "cleanup.policy" }
    private static var retentionKey: String { "retention.ms" }
    private var policy: String { configuration[Self.policyKey] ?? "delete" }

    /// - Parameter wanted: the settings with which the topic would be created.
    /// - Throws: `RuntimeError` if the topic belongs to another application, has another partition count, or if the
    ///   cluster would delete records that are needed, or cannot accept any.
    func checkInternal(_ wanted: [String: String], partitionCount count: Int32) throws(RuntimeError) {
        let owner = InternalTopicSettings.ownerKey
        if let own = wanted[owner], let other = configuration[owner], other != own {
            throw .topicOfAnother(topic: name, owner: other, application: own)
        }
        guard partitionCount == count else {
            throw .wrongPartitionCount(topic: name, expected: count, actual: partitionCount)
        }
        let expected = wanted[Self.policyKey] ?? "delete"
        guard expected.contains("compact") == policy.contains("compact") else {
            throw .wrongTopicSetting(topic: name, setting: Self.policyKey, expected: expected, actual: policy)
        }
        try checkReplicas()
    }

    /// - Throws: `RuntimeError.tooFewReplicas`.
    func checkReplicas() throws(RuntimeError) {
        guard let replication, replication.count < replication.needed else { return }
        throw .tooFewReplicas(topic: name, replicas: replication.count, needed: replication.needed)
    }

    /// Whether records are deleted by age or size.
    private var hasEnd: Bool {
        configuration[Self.retentionKey] != "-1" || configuration["retention.bytes"] ?? "-1" != "-1"
    }

    /// A warning if records are deleted earlier than those of a topic with these settings would be. Not an error: a
    /// store that was defined differently before has such a changelog, and is refused for that, with a better message.
    func deletesEarly(_ wanted: [String: String]) -> String? {
        guard policy.contains("delete") else { return nil }
        if let expected = wanted[Self.policyKey], !expected.contains("delete"), hasEnd {
            return
                "the internal topic '\(name)' has cleanup.policy=\(policy), but its rows must stay: those that nobody writes "
                + "again will be missing when the store is restored; set it with "
                + "'moldau configs alter --topic \(name) --add-config cleanup.policy=\(expected)'"
        }
        guard let text = wanted[Self.retentionKey], let needed = Int64(text) else { return nil }
        let actual = configuration[Self.retentionKey]
        // Kafka's default is a week.
        let ageMs = Int64(actual ?? "604800000") ?? 0
        guard ageMs >= 0, needed < 0 || ageMs < needed else { return nil }
        return
            "the internal topic '\(name)' has retention.ms=\(actual ?? "604800000 (the default)"), but \(needed) is needed: records "
            + "with older timestamps are deleted, read or not; set it with "
            + "'moldau configs alter --topic \(name) --add-config retention.ms=\(needed)'"
    }

    /// A warning if the topic has fewer replicas than it would get if it were created now.
    func hasFewer(than replicas: Int?) -> String? {
        guard let replicas, let replication, replication.count < replicas else { return nil }
        return
            "the internal topic '\(name)' is on \(replication.count) of the cluster's brokers, but 'replicationFactor' is "
            + "\(replicas): what it holds is lost with \(replication.count == 1 ? "that one" : "those"); existing topics are not "
            + "changed; add replicas with Kafka's kafka-reassign-partitions"
    }
}
