#if SABOTAGE
    internal import MoldauLog
#endif

/// The limits and times of groups, with Kafka's defaults; each comment gives Kafka's name of the setting.
package struct GroupSettings: Equatable, Sendable {
    /// `group.min.session.timeout.ms` to `group.max.session.timeout.ms`.
    package var sessionTimeouts: ClosedRange<Duration> = .seconds(6)...(.seconds(1_800))
    /// `group.initial.rebalance.delay.ms`: how long an empty group waits for more members before its first assignment.
    package var initialRebalanceDelay = Duration.seconds(3)
    /// `group.max.size`, of classic groups and of those of the consumer protocol.
    package var maxSize = Int(Int32.max)
    /// How long a member that waits in its first join is kept. It sends no heartbeats meanwhile, so a client that is
    /// gone would otherwise stay for ever.
    package var newMemberTimeout = Duration.seconds(300)
    /// `offset.metadata.max.bytes`.
    package var maxMetadataBytes = 4_096
    /// `offsets.retention.minutes`: how long the offsets of a group without members are kept.
    package var offsetsRetention = Duration.seconds(10_080 * 60)
    /// `offsets.retention.check.interval.ms`.
    package var retentionCheckInterval = Duration.seconds(600)
    /// `offsets.topic.num.partitions`; a broker takes the number that its topic has.
    package var offsetsPartitionCount: Int32 = 50
    /// How many groups there may be at a time. Kafka has no such limit.
    package var maxGroups = 100_000
    /// How many bytes the name of a new group may have. Kafka's limit is a string's: 32,767.
    package var maxNameBytes = 1_024
    /// About how much memory the committed offsets of all groups may take together. Kafka has no such limit.
    package var maxOffsetBytes = 256 << 20
    /// `group.consumer.session.timeout.ms`.
    package var consumerSessionTimeout = Duration.seconds(45)
    /// `group.consumer.heartbeat.interval.ms`.
    package var consumerHeartbeatInterval = Duration.seconds(5)

    #if SABOTAGE
        /// The bugs that the coordinator has on purpose.
        var sabotage: Sabotage = []
    #endif

    package init() {}
}
