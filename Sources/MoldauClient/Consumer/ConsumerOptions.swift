public import MoldauRecords

/// The options of a consumer. Names and defaults are Kafka's.
public struct ConsumerOptions: Sendable {
    /// Where to start in a partition without a committed offset, or whose committed offset is out of range.
    public enum OffsetReset: Hashable, Sendable {
        /// At the first record that the partition holds.
        case earliest
        /// After the last record.
        case latest
        /// No reset: reading throws `ClientError.noPosition` or `.truncated`.
        case none
        /// At the first record not older than this; after the last one if there is none. Kafka's `by_duration`
        /// (KIP-1106).
        case byDuration(Duration)
    }

    /// Which records are returned.
    public enum Isolation: Int8, Sendable {
        /// All records, also those of open and aborted transactions.
        case readUncommitted = 0
        /// No records of open or aborted transactions.
        case readCommitted = 1
    }

    /// How the leader of a group assigns partitions to its members.
    public enum Assignor: String, Sendable {
        /// Per topic, consecutive partitions to each member.
        case range
        /// All partitions of all topics in turn.
        case roundRobin = "roundrobin"
        /// Moves as few partitions as possible. All members stop reading during a rebalance.
        case sticky
        /// Moves as few partitions as possible; retained ones are read during a rebalance (KIP-429).
        case cooperativeSticky = "cooperative-sticky"
    }

    /// The protocol by which partitions are assigned.
    public enum GroupProtocol: String, Hashable, Sendable {
        /// A member assigns them, with one of the `assignors`. All members join again for every change.
        case classic
        /// The broker assigns them; members revoke and receive partitions incrementally, while the others keep reading
        /// (KIP-848). Supported by brokers from Apache Kafka 4.0 on.
        case consumer
    }

    /// `group.id`: the group that shares the partitions, and for which offsets are committed.
    public var group: String?
    /// `group.instance.id`: the name of a static member, which keeps its partitions over a restart.
    public var instanceID: String?
    /// `group.protocol`. With `consumer`, the broker's settings apply to sessions, heartbeats and assignors:
    /// `sessionTimeout`, `heartbeatInterval` and `assignors` are ignored.
    public var groupProtocol = GroupProtocol.classic
    /// `group.remote.assignor`: the broker's assignor for a group of the protocol `consumer`, for instance "uniform" or
    /// "range". nil lets the broker choose.
    public var remoteAssignor: String?
    /// `auto.offset.reset`.
    public var offsetReset = OffsetReset.latest
    /// `isolation.level`.
    public var isolation = Isolation.readUncommitted
    /// `enable.auto.commit`: whether polls commit the records that earlier polls returned.
    public var commitsAutomatically = true
    /// `auto.commit.interval.ms`.
    public var autoCommitInterval = Duration.seconds(5)
    /// `max.poll.records`: the most records that one `poll` returns.
    public var maxPollRecords = 500
    /// `max.poll.interval.ms`: a member that does not poll for this long leaves its group.
    public var maxPollInterval = Duration.seconds(300)
    /// `session.timeout.ms`: a member that sends no heartbeat for this long is considered dead.
    public var sessionTimeout = Duration.seconds(45)
    /// `heartbeat.interval.ms`.
    public var heartbeatInterval = Duration.seconds(3)
    /// `partition.assignment.strategy`: the group uses the first one that all members support.
    public var assignors: [Assignor] = [.range, .cooperativeSticky]
    /// `fetch.min.bytes`: how many bytes a fetch waits for.
    public var fetchMinBytes = 1
    /// `fetch.max.wait.ms`: how long a fetch waits for them.
    public var fetchMaxWait = Duration.milliseconds(500)
    /// `fetch.max.bytes`: the most bytes that a fetch returns, unless the first batch is larger.
    public var fetchMaxBytes = 50 << 20
    /// `max.partition.fetch.bytes`: the same for one partition. About as much again is prefetched.
    public var maxPartitionFetchBytes = 1 << 20
    /// `check.crcs`: whether the checksums of batches are verified.
    public var checksSums = true
    /// `default.api.timeout.ms`: how long commits and queries are retried.
    public var apiTimeout = Duration.seconds(60)
    /// How long a topic may be missing before reading throws `ClientError.unknownTopic`; nil for no limit.
    package var missingTopicPatience: Duration?
    /// Called when partitions are assigned or revoked, within `poll` or `close`, which wait for it before they go
    /// on.
    public var onRebalance: (@Sendable (Rebalance) async -> Void)?

    /// Kafka's defaults.
    public init() {}

    /// The options of a group member, with Kafka's defaults otherwise.
    public init(group: String) { self.group = group }

    /// Whether retained partitions are read during a rebalance.
    var isCooperative: Bool { assignors.allSatisfy { $0 == .cooperativeSticky } }

    /// - Throws: `ClientError.invalidSetting`.
    func check() throws(ClientError) {
        guard !assignors.isEmpty else {
            throw .invalidSetting("partition.assignment.strategy", reason: "it names no assignor")
        }
        guard heartbeatInterval > .zero, heartbeatInterval < sessionTimeout else {
            throw .invalidSetting("heartbeat.interval.ms", reason: "it has to be shorter than session.timeout.ms")
        }
        guard maxPollRecords >= 1 else {
            throw .invalidSetting("max.poll.records", reason: "it has to be at least 1")
        }
        guard (1...Int(Int32.max)).contains(fetchMaxBytes), (1...Int(Int32.max)).contains(maxPartitionFetchBytes),
            (0...Int(Int32.max)).contains(fetchMinBytes)
        else { throw .invalidSetting("fetch.max.bytes", reason: "sizes have to be from 1 byte to 2 GiB") }
        if group == "" { throw .invalidSetting("group.id", reason: "it is empty") }
        if case .byDuration(let age) = offsetReset, age < .zero {
            throw .invalidSetting("auto.offset.reset", reason: "the duration is negative")
        }
    }
}

/// A change of a member's partitions.
public enum Rebalance: Sendable, Equatable {
    /// They were assigned to the member, which will read them from their committed offsets.
    case assigned(Set<TopicPartition>)
    /// They are about to be reassigned. What was read may still be committed.
    case revoked(Set<TopicPartition>)
    /// They were already reassigned: nothing can be committed.
    case lost(Set<TopicPartition>)
}
