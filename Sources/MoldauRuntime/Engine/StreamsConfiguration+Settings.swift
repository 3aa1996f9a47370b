public import MoldauRecords
import MoldauTopology

extension StreamsConfiguration: NamedSettings {
    /// The settings that can be given as text: under Kafka Streams' names, or without one under names that begin with
    /// `moldau.`.
    public static let namedSettings: [NamedSetting<StreamsConfiguration>] = [
        .choice(
            "processing.guarantee", \.guarantee,
            [("at_least_once", .atLeastOnce), ("exactly_once_v2", .exactlyOnce)]),
        .milliseconds("transaction.timeout.ms", \.transactionTimeout, from: 1),
        .milliseconds("commit.interval.ms", \.commitInterval), .number("num.stream.threads", \.streamThreads, from: 1),
        .text("application.server", \.applicationServer), .number("num.standby.replicas", \.standbys),
        .value(
            "max.task.idle.ms", expected: "milliseconds, 0, or -1 for no waiting", \.taskIdling, text: { $0.text },
            read: { TaskIdling($0) }),
        .milliseconds("metadata.max.age.ms", \.topicSearchInterval, from: 1),
        .milliseconds("windowstore.changelog.additional.retention.ms", \.windowChangelogExtraRetention),
        .number("moldau.state.memory.bytes", \.stateMemoryBytes, from: 1),
        .milliseconds("moldau.write.behind.interval.ms", \.writeBehindInterval, from: 1),
        .number("moldau.buffered.bytes.per.partition", \.bufferedBytesPerPartition, from: 1),
        .choice(
            "moldau.drop.samples", \.dropSamples, [("whole", .whole), ("masked", .masked), ("off", .off)]),
        .number("moldau.batch.bytes", \.batchBytes, from: 1),
        .number("moldau.records.per.turn", \.recordsPerTurn, from: 1),
        .milliseconds("moldau.lookahead.ms", \.lookahead), .milliseconds("moldau.stop.patience.ms", \.stopPatience),
        .milliseconds("moldau.stop.timeout.ms", \.stopTimeout),
        .number("moldau.new.topic.partitions", \.newTopicPartitions, from: 1),
    ]

    /// The settings of the application's internal topics, and the tags of the process.
    public static let namedSettingMaps = [
        NamedSettingMap("topic.", \StreamsConfiguration.internalTopicSettings),
        NamedSettingMap("client.tag.", \StreamsConfiguration.clientTags),
    ]
}

extension TaskIdling {
    /// The text form of `max.task.idle.ms`.
    fileprivate var text: String {
        switch self {
        case .never: "-1"
        case .untilCaughtUp: "0"
        case .upTo(let time): "\(time.milliseconds)"
        }
    }

    fileprivate init?(_ text: String) {
        guard let number = Int64(text), number >= -1 else { return nil }
        self = number < 0 ? .never : number == 0 ? .untilCaughtUp : .upTo(.milliseconds(number))
    }
}
