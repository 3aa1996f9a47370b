import MoldauBroker
import MoldauLog
import MoldauRecords
import Testing

private func openWithTopic(_ settings: [String: String] = [:], partitions: Int32 = 2) throws -> Broker<MemoryFileSystem>
{
    let broker = try openBroker(MemoryFileSystem())
    try broker.create([TopicMetadata(name: "t", partitionCount: partitions, configuration: settings)])
    return broker
}

extension Broker {
    fileprivate func setting(_ name: String, of topic: String = "t") throws -> ConfigEntry {
        try #require(try settings(ofTopic: topic).first { $0.name == name })
    }
}

struct AdministrationTests {
    // MARK: Partitions

    @Test func `added partitions survive a restart`() throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "t", partitionCount: 1, configuration: ["retention.ms": "5"])])
        try broker.append(["a"], to: TopicPartition("t", 0))
        try broker.addPartitions(to: "t", count: 3)
        try broker.append(["b"], to: TopicPartition("t", 2))
        try broker.close()
        let again = try openBroker(files)
        #expect(again.topic("t")?.partitionCount == 3)
        #expect(again.topic("t")?.configuration == ["retention.ms": "5"])
        #expect(try again.values(of: TopicPartition("t", 0)) == ["a"])
        #expect(try again.values(of: TopicPartition("t", 2)) == ["b"])
        #expect(try again.partition(TopicPartition("t", 1)).endOffset() == .zero)
    }

    /// The message is Kafka's.
    @Test(arguments: [2, 1, 0, -1] as [Int32])
    func `a topic's partition count can only be increased`(count: Int32) throws {
        let broker = try openWithTopic()
        let error = #expect(throws: BrokerError.self) { try broker.addPartitions(to: "t", count: count) }
        #expect(
            error
                == .invalidPartitions(
                    topic: "t", reason: "The topic t currently has 2 partition(s); \(count) would not be an increase."))
        #expect(error?.kafkaErrorCode == 37)
    }

    @Test func `validate-only requests change nothing`() throws {
        let broker = try openWithTopic()
        try broker.addPartitions(to: "t", count: 3, validateOnly: true)
        try broker.create([TopicMetadata(name: "new", partitionCount: 1)], validateOnly: true)
        try broker.changeSettings(ofTopic: "t", [ConfigChange(.set, "retention.ms", "1")], validateOnly: true)
        #expect(broker.topics().map(\.name) == ["t"])
        #expect(broker.topic("t")?.partitionCount == 2)
        #expect(broker.topic("t")?.configuration == [:])
    }

    @Test func `a directory in the way of a new partition is moved aside`() throws {
        let files = MemoryFileSystem()
        let broker = try openBroker(files)
        try broker.create([TopicMetadata(name: "t", partitionCount: 1)])
        try files.createDirectory("data/t-1")
        try broker.addPartitions(to: "t", count: 2)
        try broker.append(["a"], to: TopicPartition("t", 1))
        #expect(try broker.values(of: TopicPartition("t", 1)) == ["a"])
        #expect(try files.names(in: "data").contains { $0.hasPrefix("t-1.") })
    }

    @Test func `topics and partitions beyond the limits are refused`() throws {
        let broker = try openWithTopic()
        broker.limitTopics(to: TopicLimits(topics: 2, partitions: 4))
        let error = #expect(throws: BrokerError.self) { try broker.addPartitions(to: "t", count: 5) }
        #expect(error == .tooManyPartitions(topic: "t", limit: 4))
        #expect(error?.kafkaErrorCode == 44)
        #expect(throws: BrokerError.tooManyPartitions(topic: "u", limit: 4)) {
            try broker.create([TopicMetadata(name: "u", partitionCount: 3)])
        }
        try broker.create([TopicMetadata(name: "u", partitionCount: 2)])
        #expect(throws: BrokerError.tooManyPartitions(topic: "v", limit: 2)) { _ = try broker.topic(creating: "v") }
        #expect(broker.topics().map(\.name) == ["t", "u"])
    }

    @Test func `a topic is created on first use`() throws {
        let broker = try openWithTopic()
        #expect(try broker.topic(creating: "t").partitionCount == 2)
        let created = try broker.topic(creating: "new")
        #expect(created.partitionCount == 1)
        #expect(try broker.topic(creating: "new", partitionCount: 5) == created)
        #expect(throws: BrokerError.self) { try broker.topic(creating: "no/name") }
    }

    // MARK: Settings

    @Test func `all of Kafka's topic settings are described`() throws {
        let broker = try openWithTopic(["segment.bytes": "1048576"])
        let entries = try broker.settings(ofTopic: "t")
        #expect(entries.count == 36)
        #expect(entries.allSatisfy { !$0.isReadOnly && !$0.isSensitive })
        let segment = try broker.setting("segment.bytes")
        #expect(segment.value == "1048576" && segment.source == .topic && segment.kind == .int)
        #expect(
            segment.synonyms.map { "\($0.name)=\($0.value) \($0.source)" } == [
                "segment.bytes=1048576 topic", "log.segment.bytes=1073741824 defaultValue",
            ])
        let flush = try broker.setting("flush.ms")
        #expect(flush.value == "9223372036854775807" && flush.source == .defaultValue && flush.kind == .long)
        #expect(flush.synonyms.isEmpty)
        #expect(throws: BrokerError.unknownTopic("none")) { try broker.settings(ofTopic: "none") }
    }

    @Test func `a new topic's settings are described as by a Kafka broker`() throws {
        let broker = try openWithTopic()
        let lines = try broker.settings(ofTopic: "t").map {
            "\($0.name)=\($0.value) \($0.kind) \($0.synonyms.first?.name ?? "-")"
        }
        #expect(lines.joined(separator: "\n") == recordedSettings)
    }

    @Test func `the described defaults are those in effect`() throws {
        #expect(try LogConfiguration(TopicSetting.all.mapValues(\.defaultValue)) == LogConfiguration())
        let known = LogConfiguration.names.union(LogConfiguration.namesWithoutEffect)
        #expect(known.isSubset(of: TopicSetting.all.keys))
    }

    @Test func `settings are set, deleted, appended to and subtracted from`() throws {
        let broker = try openWithTopic(["retention.ms": "7"])
        try broker.changeSettings(
            ofTopic: "t", [ConfigChange(.set, "segment.ms", "9"), ConfigChange(.append, "cleanup.policy", "compact")])
        #expect(try broker.setting("cleanup.policy").value == "delete,compact")
        #expect(throws: BrokerError.log(TopicPartition("t", 0), .nullKey(record: 0))) {
            try broker.append(["a"], to: TopicPartition("t", 0))
        }
        try broker.changeSettings(
            ofTopic: "t", [ConfigChange(.delete, "retention.ms"), ConfigChange(.subtract, "cleanup.policy", "delete")])
        #expect(broker.topic("t")?.configuration == ["segment.ms": "9", "cleanup.policy": "compact"])
        try broker.replaceSettings(ofTopic: "t", with: ["max.message.bytes": "99"])
        #expect(broker.topic("t")?.configuration == ["max.message.bytes": "99"])
    }

    /// The first two messages are Kafka's, to the letter.
    @Test(
        arguments: [
            (.init(.set, "nonsense", "1"), "Unknown topic config name: nonsense"),
            (
                .init(.set, "retention.ms", "x"),
                "Invalid value x for configuration retention.ms: Not a number of type LONG"
            ),
            (
                .init(.set, "segment.bytes", "1"),
                "Invalid value 1 for configuration segment.bytes: Value must be at least 14"
            ),
            (
                .init(.set, "compression.type", "none"),
                "Invalid value none for configuration compression.type: String must be one of: "
                    + "uncompressed, zstd, lz4, snappy, gzip, producer"
            ),
            (
                .init(.append, "cleanup.policy", "keep"),
                "Invalid value delete,keep for configuration cleanup.policy: String must be one of: compact, delete"
            ),
            (
                .init(.subtract, "cleanup.policy", "delete"),
                "Invalid value  for configuration cleanup.policy: String must be one of: compact, delete"
            ),
            (
                .init(.set, "preallocate", "yes"),
                "Invalid value yes for configuration preallocate: Expected value to be either true or false"
            ),
            (
                .init(.set, "min.cleanable.dirty.ratio", "1.5"),
                "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1"
            ),
            (
                .init(.set, "min.insync.replicas", "nan"),
                "Invalid value nan for configuration min.insync.replicas: Not a number of type INT"
            ),
            (
                .init(.append, "retention.ms", "1"),
                "Can't append to key retention.ms because its type is not LIST."
            ),
            (.init(.set, "retention.ms", nil), "Null value not supported for : retention.ms"),
            (.init(.delete, "nonsense"), "Unknown topic config name: nonsense"),
        ] as [(ConfigChange, String)])
    func `settings that Kafka refuses are refused, and nothing changes`(change: ConfigChange, reason: String) throws {
        let broker = try openWithTopic()
        let error = #expect(throws: BrokerError.self) {
            try broker.changeSettings(ofTopic: "t", [ConfigChange(.set, "segment.ms", "5"), change])
        }
        #expect(error == .invalidSettings(topic: "t", reason: reason))
        #expect(error?.kafkaErrorCode == 40)
        #expect(broker.topic("t")?.configuration == [:])
        if change.operation == .set, let value = change.value {
            #expect(throws: BrokerError.invalidSettings(topic: "n", reason: reason)) {
                try broker.checkSettings(ofNewTopic: "n", [change.name: value])
            }
        }
    }

    @Test func `the broker's settings are described together with the server's`() throws {
        let broker = try openWithTopic()
        let entries = broker.settings(knowing: ["num.partitions": ("4", .int, false)])
        let byName = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0) })
        #expect(entries.map(\.name) == entries.map(\.name).sorted())
        #expect(byName["log.dirs"]?.value == "data")
        #expect(byName["num.partitions"]?.source == .staticBroker)
        #expect(byName["message.max.bytes"]?.value == "1048588")
        #expect(entries.allSatisfy { $0.isReadOnly })
    }

    // MARK: Records

    @Test func `records are deleted up to an offset, or up to the high watermark`() throws {
        let broker = try openWithTopic(["segment.bytes": "100"])
        let name = TopicPartition("t", 0)
        for value in ["a", "b", "c", "d"] { try broker.append([value], to: name) }
        let partition = try broker.partition(name)
        // Nothing is durable yet, so nothing is visible to clients.
        let error = #expect(throws: BrokerError.self) { try partition.deleteDurableRecords(before: Offset(1)) }
        #expect(error?.kafkaErrorCode == 1)
        try broker.flush()
        #expect(try partition.deleteDurableRecords(before: Offset(1)) == Offset(1))
        #expect(try partition.deleteDurableRecords(before: .zero) == Offset(1))
        #expect(try broker.values(of: name, from: 1) == ["b", "c", "d"])
        #expect(throws: BrokerError.self) { try partition.deleteDurableRecords(before: Offset(5)) }
        #expect(throws: BrokerError.self) { try partition.deleteDurableRecords(before: Offset(-5)) }
        #expect(try partition.deleteDurableRecords(before: nil) == Offset(4))
        #expect(try partition.bounds() == Offset(4)..<Offset(4))
        #expect(try broker.partition(TopicPartition("t", 1)).deleteDurableRecords(before: nil) == .zero)
        #expect(throws: BrokerError.self) {
            try broker.partition(TopicPartition("t", 1)).deleteDurableRecords(before: Offset(1))
        }
    }

    @Test func `records of a topic that is only compacted are not deleted`() throws {
        let broker = try openWithTopic(["cleanup.policy": "compact"])
        let error = #expect(throws: BrokerError.self) {
            try broker.partition(TopicPartition("t", 0)).deleteDurableRecords(before: nil)
        }
        #expect(error?.kafkaErrorCode == 44)
    }

    @Test func `a partition's size is the sum of its segments' sizes`() throws {
        let broker = try openWithTopic(["segment.bytes": "100"])
        #expect(broker.sizes().partitions.map(\.bytes) == [0, 0])
        for _ in 0..<3 { try broker.append(["abc"], to: TopicPartition("t", 1)) }
        let (directory, sizes) = broker.sizes()
        #expect(directory == "data")
        #expect(sizes.map(\.partition) == [TopicPartition("t", 0), TopicPartition("t", 1)])
        #expect(sizes.map(\.bytes) == [0, 3 * batch(["abc"]).count])
    }

    // MARK: A client's batch

    @Test func `a client's append must be exactly one whole batch`() throws {
        let broker = try openWithTopic()
        let partition = try broker.partition(TopicPartition("t", 0))
        func send(_ bytes: [UInt8]) -> Result<Int64, BrokerError> {
            let sent = SharedBytes(copying: bytes)
            return Result { () throws(BrokerError) in try partition.append(sent: sent.bytes).first.value }
        }
        #expect(send(batch(["a", "b"])) == .success(0))
        #expect(send(batch(["c"])) == .success(2))
        for bytes in [batch(["d"]) + batch(["e"]), batch(["d"]).dropLast(), []] {
            guard case .failure(let error) = send(bytes) else {
                Issue.record("the batch was accepted")
                continue
            }
            #expect(error.kafkaErrorCode == 87)
        }
        #expect(try broker.values(of: TopicPartition("t", 0)) == ["a", "b", "c"])
    }
}

/// The answer of an Apache Kafka broker (3.9) to DescribeConfigs for a new topic: name, value, type, and the broker's
/// setting that gives the value.
private let recordedSettings = """
    cleanup.policy=delete list log.cleanup.policy
    compression.gzip.level=-1 int compression.gzip.level
    compression.lz4.level=9 int compression.lz4.level
    compression.type=producer string compression.type
    compression.zstd.level=3 int compression.zstd.level
    delete.retention.ms=86400000 long log.cleaner.delete.retention.ms
    file.delete.delay.ms=60000 long log.segment.delete.delay.ms
    flush.messages=9223372036854775807 long log.flush.interval.messages
    flush.ms=9223372036854775807 long -
    follower.replication.throttled.replicas= list -
    index.interval.bytes=4096 int log.index.interval.bytes
    leader.replication.throttled.replicas= list -
    local.retention.bytes=-2 long log.local.retention.bytes
    local.retention.ms=-2 long log.local.retention.ms
    max.compaction.lag.ms=9223372036854775807 long log.cleaner.max.compaction.lag.ms
    max.message.bytes=1048588 int message.max.bytes
    message.downconversion.enable=true boolean log.message.downconversion.enable
    message.format.version=3.0-IV1 string log.message.format.version
    message.timestamp.after.max.ms=9223372036854775807 long log.message.timestamp.after.max.ms
    message.timestamp.before.max.ms=9223372036854775807 long log.message.timestamp.before.max.ms
    message.timestamp.difference.max.ms=9223372036854775807 long log.message.timestamp.difference.max.ms
    message.timestamp.type=CreateTime string log.message.timestamp.type
    min.cleanable.dirty.ratio=0.5 double log.cleaner.min.cleanable.ratio
    min.compaction.lag.ms=0 long log.cleaner.min.compaction.lag.ms
    min.insync.replicas=1 int min.insync.replicas
    preallocate=false boolean log.preallocate
    remote.log.copy.disable=false boolean -
    remote.log.delete.on.disable=false boolean -
    remote.storage.enable=false boolean -
    retention.bytes=-1 long log.retention.bytes
    retention.ms=604800000 long -
    segment.bytes=1073741824 int log.segment.bytes
    segment.index.bytes=10485760 int log.index.size.max.bytes
    segment.jitter.ms=0 long -
    segment.ms=604800000 long -
    unclean.leader.election.enable=false boolean unclean.leader.election.enable
    """
