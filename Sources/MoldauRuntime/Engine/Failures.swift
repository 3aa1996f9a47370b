import MoldauCluster
import MoldauRecords
import MoldauTopology

/// A record of an input topic could not be read: its bytes, its headers or its timestamp. The deserialization handler
/// decides what to do.
public struct DeserializationFailure: Error, CustomStringConvertible {
    /// The source node that reads the record.
    public let node: String
    /// The origin of the record.
    public let origin: RecordOrigin
    /// The part of the record that the error is about; nil for its timestamp and its headers.
    public let part: RecordPart?
    /// The error that was thrown.
    public let underlying: any Error

    public var description: String {
        let place = "the record at offset \(origin.offset) of \(origin.topic)-\(origin.partition)"
        guard let part else { return "the source '\(node)' cannot read \(place): \(underlying)" }
        let what = "the source '\(node)' cannot read the \(part) of \(place)"
        guard case .nullNotExpected(let type)? = underlying as? SerdeError else { return "\(what): \(underlying)" }
        let (declaration, remedy) =
            part == .key
            ? ("Topic<\(type)?, …>", "give each record a key ('moldau produce --key-separator' does)")
            : ("Topic<…, \(type)?>", "read the topic as a table, where a null deletes a row")
        return
            "\(what): it is null, which the type \(type) cannot be; declare the topic as \(declaration) if nulls are intended, or \(remedy)"
    }
}

/// Records could not be written. The production handler decides what to do.
public struct ProductionFailure: Error, CustomStringConvertible {
    /// The partition that the records were sent to.
    public let partition: TopicPartition
    /// The number of records in the batch.
    public let recordCount: Int
    /// The error that was thrown.
    public let underlying: any Error

    public var description: String { "\(recordCount) record(s) for \(partition) were not written: \(underlying)" }
}

/// What to do after records could not be written.
public enum ProductionResponse: Sendable {
    /// The stream thread stops with the failure.
    case fail
    /// The records are dropped and counted, under the name of their topic.
    case skip
}

/// What to do after a stream thread stopped with an error.
public enum UncaughtErrorResponse: Sendable {
    /// Another thread takes over from the last commit. If the cluster is offline no thread could, and this acts as
    /// `stopClient`.
    case replaceThread
    /// This application instance stops, in state `.error`.
    case stopClient
    /// All instances stop. With a single embedded process this is the same as `stopClient`.
    case stopApplication
}

/// Why an application cannot start or continue. Each case holds the facts.
public enum RuntimeError: Error, Equatable, CustomStringConvertible {
    /// Topics that the topology reads do not exist.
    case missingSourceTopics([String])
    /// Topics of a join have different numbers of partitions.
    case notCopartitioned([String: Int32])
    /// The topology fixes the partition count of a repartition topic, and it differs from that of a topic in the same
    /// join.
    case repartitionMismatch(topic: String, partitions: Int32, other: String, otherPartitions: Int32)
    /// An internal topic exists with another number of partitions than the topology needs.
    case wrongPartitionCount(topic: String, expected: Int32, actual: Int32)
    /// An internal topic exists with a setting that would lose data.
    case wrongTopicSetting(topic: String, setting: String, expected: String, actual: String)
    /// The topic requires more in-sync replicas than it has replicas, so that the cluster accepts no records.
    case tooFewReplicas(topic: String, replicas: Int, needed: Int)
    /// A changelog belongs to a store of another form than the topology's, and cannot be read as that.
    case changedStore(String, changelog: String, was: String, wanted: String)
    /// No topic upstream determines the partition count of the repartition topic.
    case undecidedPartitionCount(topic: String)
    /// The source must fail without a committed offset, and none was committed, or it no longer exists.
    case noCommittedOffset(TopicPartition)
    /// The call is not allowed in the application's current state.
    case invalidState(expected: String, actual: String)
    /// The application was stopped, and these threads have not ended in time. Records that they have not committed are
    /// processed again at the next start.
    case stopTimedOut(after: Duration, threads: [String])
    /// The only stream thread cannot be removed.
    case lastThread
    /// Settings that are invalid for every application, one sentence each.
    case invalidSettings([String])
    /// A topic that the application would create belongs to another application, whose id and names result in the same
    /// topic name.
    case topicOfAnother(topic: String, owner: String, application: String)
    /// Topics that appear only in closures, and that do not exist.
    case missingNamedTopics([String])
    /// A changelog refuses a store's row. This is never skipped: the store would be wrong after a restore.
    case changelogRefused(store: String, TopicPartition, keyBytes: Int, ClusterError)

    public var description: String {
        switch self {
        case .missingSourceTopics(let names):
            "the topology reads \(names.map { "'\($0)'" }.joined(separator: ", ")), which the cluster does not have; "
                + "create them first"
        case .notCopartitioned(let counts):
            "Topics not co-partitioned: [{"
                + counts.sorted(on: \.key).map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
                + "}]; topics that are joined, or merged and then aggregated, need the same number of partitions, or "
                + "else equal keys are in different ones; call repartition() on all streams but one, or on the merged "
                + "stream"
        case .repartitionMismatch(let topic, let partitions, let other, let otherPartitions):
            "Number of partitions [\(partitions)] of repartition topic [\(topic)] doesn't match number of partitions "
                + "[\(otherPartitions)] of the topic [\(other)]"
        case .wrongPartitionCount(let topic, let expected, let actual):
            "the internal topic '\(topic)' has \(actual) partitions, but the topology needs \(expected): it was "
                + "created for another input; delete the application's internal topics and state, or restore the input's partitions"
        case .wrongTopicSetting(let topic, let setting, let expected, let actual):
            "the internal topic '\(topic)' has \(setting)=\(actual), expected \(expected); records would be lost: set it back with "
                + "'moldau configs alter --topic \(topic) --add-config \(setting)=\(expected)'; what "
                + "the cluster has already deleted will be missing when a store is restored, so it is safer to delete the "
                + "application's internal topics and state"
        case .tooFewReplicas(let topic, let replicas, let needed):
            "the topic '\(topic)' is on \(replicas) of the cluster's brokers, but \(needed) must have a record before "
                + "it is acknowledged (min.insync.replicas), so nothing can be written to it; add replicas with Kafka's "
                + "kafka-reassign-partitions, recreate it with more replicas ('replicationFactor' of KafkaOptions for "
                + "the application's own topics), or require fewer: "
                + "'moldau configs alter --topic \(topic) --add-config min.insync.replicas=\(replicas)'"
        case .changedStore(let store, let changelog, let was, let wanted):
            "the changelog topic '\(changelog)' has the store \(store) as \(was), but the topology has it as "
                + "\(wanted), which cannot read it; keep the definition that the store was created with, give the new "
                + "store another name, or delete the topic and the application's state directory to begin with an empty "
                + "store"
        case .undecidedPartitionCount(let topic):
            "the number of partitions of '\(topic)' is unknown, because no existing topic leads to it; set it with "
                + "repartition(partitions:)"
        case .noCommittedOffset(let partition):
            "no offset is committed for \(partition), and its source is set to fail in that case; choose another start position"
        case .invalidState(let expected, let actual): "the application is \(actual), expected \(expected)"
        case .stopTimedOut(let time, let threads):
            "the application was told to stop and has not ended after \(time): \(threads.joined(separator: ", ")) "
                + "\(threads.count == 1 ? "is" : "are") held up, perhaps because the cluster does not answer; what was not "
                + "committed is processed again at the next start"
        case .lastThread: "the application has only one stream thread; pause or stop the application instead"
        case .invalidSettings(let complaints): complaints.joined(separator: "; ")
        case .topicOfAnother(let topic, let owner, let application):
            "the topic '\(topic)' belongs to the application '\(owner)', but '\(application)' would use it as its "
                + "own: the ids and store names of both result in the same topic name; rename one of the applications, or "
                + "the store"
        case .missingNamedTopics(let names):
            "the configuration names \(names.map { "'\($0)'" }.joined(separator: ", ")), which the cluster does not have; "
                + "create them first"
        case .changelogRefused(let store, let partition, let keyBytes, let cause):
            "the store '\(store)' cannot log a row with a key of \(keyBytes) bytes: \(cause). A row is never left out of a "
                + "changelog, because the store would be wrong after a restore; raise max.message.bytes of "
                + "'\(partition.topic)' (with changelogSettings of the store, before the topic is created), or keep smaller values"
        }
    }
}
