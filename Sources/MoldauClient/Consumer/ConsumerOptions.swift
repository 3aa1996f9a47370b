public import MoldauRecords

/// How a consumer reads. Names and defaults are Kafka's.
public struct ConsumerOptions: Sendable {
    /// Where to begin in a partition without a committed offset, or whose records there are gone.
    public enum OffsetReset: Hashable, Sendable {
        /// At the first record that the partition holds.
        case earliest
        /// Behind the last one.
        case latest
        /// Nowhere: reading throws `ClientError.noPosition` or `.truncated`.
        case none
        /// At the first record that is at most so old; behind the last one if none is. Kafka's `by_duration`
        /// (KIP-1106).
        case byDuration(Duration)
    }

    /// Which records are read.
    public enum Isolation: Int8, Sendable {
        /// Those of open and aborted transactions too.
        case readUncommitted = 0
        /// Of transactions only what was committed.
        case readCommitted = 1
    }

    /// How the leader of a group spreads partitions over its members.
    public enum Assignor: String, Sendable {
        /// Topic by topic, neighbouring partitions to one member.
        case range
        /// All partitions of all topics in turn.
        case roundRobin = "roundrobin"
        /// As few as possible move. All members stop reading during the change.
        case sticky
        /// As few as possible move, and those that stay are read on during the change (KIP-429).
        case cooperativeSticky = "cooperative-sticky"
    }

    /// By what protocol the members of a group agree on who reads what.
    public enum GroupProtocol: String, Hashable, Sendable {
        /// One of the members decides, by one of the `assignors`. All members join anew whenever something changes.
        case classic
        /// The broker decides, and members give partitions up and take them one by one, while the others read on
        /// (KIP-848). Brokers have it from Apache Kafka 4.0 on.
        case consumer
    }

    /// `group.id`: the group with which partitions are shared, and for which offsets are committed.
    public var group: String?
    /// `group.instance.id`: the name of a member that keeps its partitions over a restart.
    public var instanceID: String?
    /// `group.protocol`. With `consumer`, the broker decides about sessions, heartbeats and assignors:
    /// `sessionTimeout`, `heartbeatInterval` and `assignors` are not used.
    public var groupProtocol = GroupProtocol.classic
    /// `group.remote.assignor`: how the broker spreads partitions in a group of the protocol `consumer`, for instance
    /// "uniform" or "range". nil: as the broker likes.
    public var remoteAssignor: String?
    /// `auto.offset.reset`.
    public var offsetReset = OffsetReset.latest
    /// `isolation.level`.
    public var isolation = Isolation.readUncommitted
    /// `enable.auto.commit`: whether polling commits what earlier polls have returned.
    public var commitsAutomatically = true
    /// `auto.commit.interval.ms`.
    public var autoCommitInterval = Duration.seconds(5)
    /// `max.poll.records`: how many records one `poll` returns at most.
    public var maxPollRecords = 500
    /// `max.poll.interval.ms`: a member that does not poll for so long leaves its group.
    public var maxPollInterval = Duration.seconds(300)
    /// `session.timeout.ms`: a member that is not heard for so long is taken for dead.
    public var sessionTimeout = Duration.seconds(45)
    /// `heartbeat.interval.ms`.
    public var heartbeatInterval = Duration.seconds(3)
    /// `partition.assignment.strategy`: the members of a group use the first that all of them have.
    public var assignors: [Assignor] = [.range, .cooperativeSticky]
    /// `fetch.min.bytes`: how many bytes a fetch waits for.
    public var fetchMinBytes = 1
    /// `fetch.max.wait.ms`: how long it waits for them.
    public var fetchMaxWait = Duration.milliseconds(500)
    /// `fetch.max.bytes`: the most that a fetch brings, if the first batch is not larger.
    public var fetchMaxBytes = 50 << 20
    /// `max.partition.fetch.bytes`: … of one partition. About as much again is fetched ahead.
    public var maxPartitionFetchBytes = 1 << 20
    /// `check.crcs`: whether batches are checked against their sums.
    public var checksSums = true
    /// `default.api.timeout.ms`: how long commits and questions are repeated.
    public var apiTimeout = Duration.seconds(60)
    /// How long a topic may be missing before reading throws `ClientError.unknownTopic`; nil for ever.
    package var missingTopicPatience: Duration?
    /// Told when partitions come and go. It is waited for before they do, within `poll`.
    public var onRebalance: (@Sendable (Rebalance) async -> Void)?

    /// Kafka's defaults.
    public init() {}

    /// A member of a group, with Kafka's defaults otherwise.
    public init(group: String) { self.group = group }

    /// Whether partitions that stay are read on while the group changes.
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
            throw .invalidSetting("max.poll.records", reason: "it has to be 1 at least")
        }
        guard (1...Int(Int32.max)).contains(fetchMaxBytes), (1...Int(Int32.max)).contains(maxPartitionFetchBytes),
            (0...Int(Int32.max)).contains(fetchMinBytes)
        else { throw .invalidSetting("fetch.max.bytes", reason: "sizes are from 1 byte to 2 GiB") }
        if group == "" { throw .invalidSetting("group.id", reason: "it is empty") }
        if case .byDuration(let age) = offsetReset, age < .zero {
            throw .invalidSetting("auto.offset.reset", reason: "the duration is negative")
        }
    }
}

/// What happens to a member's partitions.
public enum Rebalance: Sendable, Equatable {
    /// They come to the member, which will read them from their committed offsets.
    case assigned(Set<TopicPartition>)
    /// They go to others. What was read may still be committed.
    case revoked(Set<TopicPartition>)
    /// They have gone to others already: nothing can be committed.
    case lost(Set<TopicPartition>)
}
