import MoldauRecords

/// A cluster whose topics applications read and write: an `EmbeddedCluster` or a `KafkaCluster`.
public protocol Cluster: Sendable {
    /// Makes an admin, which is used by one thread at a time.
    func makeAdmin() throws -> any Admin

    /// What the engine uses. Programs cannot make one, so no other types can be clusters.
    var access: ClusterAccess { get }
}

/// The operations of a cluster that only the engine uses.
public struct ClusterAccess: Sendable {
    package let port: any ClusterPort

    package init(_ port: any ClusterPort) { self.port = port }
}

extension Cluster {
    /// Runs `body` with an admin, on a thread of its own, and closes the admin: for async code, which must not block.
    /// - Throws: `ClusterError`, and what `body` throws.
    public func withAdmin<Answer: Sendable>(
        _ body: @escaping @Sendable (any Admin) throws -> Answer
    ) async throws -> Answer {
        try await onThread {
            let admin = try makeAdmin()
            defer { admin.close() }
            return try body(admin)
        }
    }

    /// The operations of the cluster that the engine uses.
    package var port: any ClusterPort { access.port }
}

/// The operations of a cluster that the runtime uses.
///
/// Calls may block; they belong on a stream thread, never on Swift's cooperative pool. Consumers, producers and admins
/// are used by one thread at a time. Failed calls throw `ClusterError`, whose `remedy` says what the caller should do.
package protocol ClusterPort: Cluster {
    /// Makes a consumer. It has no partitions until `assign`.
    func makeConsumer(_ options: ConsumerOptions) throws -> any Consumer
    /// Makes a producer whose records are readable as soon as they are stored.
    func makeProducer(_ options: ProducerOptions) throws -> any Producer
    /// Makes a producer whose records become readable all together or not at all. An older producer with that id is
    /// fenced, and its open transaction is aborted. Blocks.
    func makeTransactionalProducer(_ options: TransactionalProducerOptions) throws -> any TransactionalProducer
    /// Makes the caller a member of a group, until the result is released. Must be called before it reads or commits
    /// for the group; its consumers and producers then commit as that member.
    /// - Parameter worker: handles the group's calls to the member, from the first `rebalance` on.
    /// - Throws: `ClusterError.groupInUse` if the cluster accepts only one member and already has one.
    func join(group: String, _ worker: any GroupWorker) throws -> GroupMembership
}

extension ClusterPort {
    package var access: ClusterAccess { ClusterAccess(self) }

    /// A consumer without a group.
    package func makeConsumer(clientID: String) throws -> any Consumer {
        try makeConsumer(ConsumerOptions(clientID: clientID))
    }

    /// A producer without transactions.
    package func makeProducer(clientID: String) throws -> any Producer {
        try makeProducer(ProducerOptions(clientID: clientID))
    }

    /// By default a group may have any number of members, and each gets all of the work.
    package func join(group: String, _ worker: any GroupWorker) throws -> GroupMembership {
        GroupMembership(alone: worker)
    }
}

/// Reads the committed records of the partitions that `assign` gave it: records of open or aborted transactions are not
/// returned.
package protocol Consumer: AnyObject {
    /// What a transactional commit of the consumer's group must carry. A consumer without a group has none: reading it
    /// is a programming error.
    var groupMetadata: GroupMetadata { get }

    /// Replaces the set of partitions that `poll` reads. Partitions that stay keep their positions; a new one has none
    /// until `seek`.
    func assign(_ partitions: Set<TopicPartition>) throws
    /// Sets the offset of the next record that `poll` returns from that partition.
    func seek(_ partition: TopicPartition, to offset: Offset) throws
    /// The offset after the last record that `poll` returned, or the offset of the last `seek`; nil before either.
    func position(_ partition: TopicPartition) -> Offset?
    /// Makes `poll` return nothing from these partitions until `resume`.
    func pause(_ partitions: Set<TopicPartition>)
    /// Makes `poll` return records from these partitions again, from their positions on.
    func resume(_ partitions: Set<TopicPartition>)

    /// Returns available batches, at most some MiB; waits up to `wait` for the first bytes. Empty after the wait, or
    /// when `wakeup` was signalled. Blocks.
    func poll(wait: Duration) throws -> [FetchedBatches]

    /// The first offset held, and the offset after the last readable record. Blocks.
    func bounds(of partitions: Set<TopicPartition>) throws -> [TopicPartition: Range<Offset>]
    /// The offset after the last record, including those of open transactions, whose outcome is known once they are
    /// readable. Blocks.
    func ends(of partitions: Set<TopicPartition>) throws -> [TopicPartition: Offset]
    /// The first offset whose record is at or after `time`; nil if there is none. Blocks.
    func offset(in partition: TopicPartition, atOrAfter time: Timestamp) throws -> Offset?

    /// The group's committed offsets; partitions without one are missing in the result. Blocks.
    func committed(_ partitions: Set<TopicPartition>) throws -> [TopicPartition: CommittedOffset]
    /// Commits the group's offsets; returns when they are as durable as the cluster promises. Blocks.
    func commit(_ offsets: [TopicPartition: CommittedOffset]) throws

    /// Like `bounds`, for callers that can continue without the result: throws `ClusterError` if there is no answer
    /// within `time`. nil: waits as long as `bounds` does.
    func bounds(of partitions: Set<TopicPartition>, within time: Duration?) throws -> [TopicPartition: Range<Offset>]
    /// Like `ends`, with that limit.
    func ends(of partitions: Set<TopicPartition>, within time: Duration?) throws -> [TopicPartition: Offset]
    /// Like `committed`, with that limit.
    func committed(
        _ partitions: Set<TopicPartition>, within time: Duration?
    ) throws -> [TopicPartition: CommittedOffset]

    /// Ends a waiting `poll`, from any thread.
    var wakeup: Wakeup { get }
    /// Releases what the consumer holds. No other call may follow.
    func close()
}

extension Consumer {
    /// By default without a limit: for clusters that answer at once.
    package func bounds(
        of partitions: Set<TopicPartition>, within time: Duration?
    ) throws -> [TopicPartition: Range<Offset>] { try bounds(of: partitions) }
    /// By default without a limit: for clusters that answer at once.
    package func ends(
        of partitions: Set<TopicPartition>, within time: Duration?
    ) throws -> [TopicPartition: Offset] { try ends(of: partitions) }
    /// By default without a limit: for clusters that answer at once.
    package func committed(
        _ partitions: Set<TopicPartition>, within time: Duration?
    ) throws -> [TopicPartition: CommittedOffset] { try committed(partitions) }
}

/// A group's position in a partition.
package struct CommittedOffset: Hashable, Sendable {
    /// The next record to read.
    package var offset: Offset
    /// Free text of the application, at most 4 096 bytes.
    package var metadata: String

    /// A position to commit, with the reader's metadata.
    package init(_ offset: Offset, metadata: String = "") {
        self.offset = offset
        self.metadata = metadata
    }
}

/// Whole record batches of one partition, one after another, as they are stored in the log (record batch v2).
package struct FetchedBatches: Sendable {
    /// The partition of the batches.
    package let partition: TopicPartition
    /// Whole record batches, one after another, as they are stored in the log.
    package let bytes: SharedBytes
    /// The first batch may begin before the requested offset: records below this offset must be skipped.
    package let firstOffset: Offset
    /// The offset after the last readable record of the partition at the time of the fetch.
    package let end: Offset

    /// Whole record batches of one partition, with the first offset that was requested and the end of the partition.
    package init(partition: TopicPartition, bytes: SharedBytes, firstOffset: Offset, end: Offset) {
        self.partition = partition
        self.bytes = bytes
        self.firstOffset = firstOffset
        self.end = end
    }
}

/// Appends batches to partitions.
package protocol Producer: AnyObject {
    /// The stamp that the next batch for that partition must have: see `RecordBatchBuilder.producer`.
    func stamp(for partition: TopicPartition) -> ProducerStamp
    /// Sends a record batch v2 whose offsets count from 0. It may still be in flight when this returns; the bytes may
    /// be reused.
    /// - Throws: `ClusterError`; an error of an earlier send may be thrown here or by `flush`.
    func send(_ batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws
    /// Returns when everything sent is acknowledged: as durable as the cluster promises. Blocks.
    /// - Throws: `ClusterError` of one earlier send, a different one each time: only a call that returns confirms that
    ///   everything else is acknowledged.
    func flush() throws
    /// The offset after this producer's last acknowledged record in that partition; nil before the first.
    func acknowledgedEnd(of partition: TopicPartition) -> Offset?
    /// The number of the topic's partitions. May block on the first call. Throws `ClusterError.unknownTopic`.
    func partitionCount(of topic: String) throws -> Int32
    /// Releases what the producer holds; an open transaction is aborted. No other call may follow.
    func close()
}

extension Producer {
    package func stamp(for partition: TopicPartition) -> ProducerStamp { .none }
}

/// A producer of a cluster in this process, which can trust batches that this process has built.
package protocol InProcessProducer: Producer {
    /// Like `send`, for a batch that `RecordBatchBuilder` built with a key in each record: its records are not checked
    /// again.
    func send(built batch: UnsafeRawBufferPointer, to partition: TopicPartition) throws
}

/// Appends batches in transactions: one begins with the first `send` after the last one ended.
package protocol TransactionalProducer: Producer {
    /// Whether something was sent since the last commit, and the group must check that the committing member still
    /// belongs to it. `commit` then needs at least one offset.
    var asksForMember: Bool { get }
    /// Atomically makes what was sent readable and the group's offsets effective; returns when that is as durable as
    /// the cluster promises. Blocks.
    /// - Parameter group: from `Consumer.groupMetadata`.
    /// - Throws: `ClusterError.producerFenced` if there is a newer producer with the id; nothing was committed then.
    func commit(_ offsets: [TopicPartition: CommittedOffset], of group: GroupMetadata) throws
    /// Aborts the transaction: what was sent since the last commit will never be readable.
    func abort() throws
}

extension TransactionalProducer {
    package var asksForMember: Bool { false }
}

/// Manages topics, and describes groups. Every call blocks: async code makes them in `Cluster.withAdmin`. Every call
/// throws `ClusterError`.
public protocol Admin: AnyObject {
    /// The replication factor of the topics that it creates; nil leaves that to the cluster.
    var replicationFactor: Int? { get }
    /// Describes all topics, internal ones included.
    @available(*, noasync, message: "this blocks; async code calls it in `withAdmin`")
    func topics() throws -> [TopicDescription]
    /// Describes the topics that exist among `names`; others are missing in the result.
    @available(*, noasync, message: "this blocks; async code calls it in `withAdmin`")
    func describe(_ names: Set<String>) throws -> [String: TopicDescription]
    /// Creates all of these topics or none. Throws `ClusterError.topicExists` if one already exists.
    @available(*, noasync, message: "this blocks; async code calls it in `withAdmin`")
    func create(_ topics: [NewTopic]) throws
    /// Changes settings of a topic, by Kafka's names; nil resets one to its default. They take effect at once.
    @available(*, noasync, message: "this blocks; async code calls it in `withAdmin`")
    func configure(_ topic: String, _ changes: [String: String?]) throws
    /// Deletes topics with all their records, one after another. Throws `ClusterError.unknownTopic` at the first that
    /// does not exist.
    @available(*, noasync, message: "this blocks; async code calls it in `withAdmin`")
    func delete(_ topics: [String]) throws
    /// Allows records below these offsets to be deleted: for repartition topics whose records were read and committed.
    @available(*, noasync, message: "this blocks; async code calls it in `withAdmin`")
    func deleteRecords(before offsets: [TopicPartition: Offset]) throws
    /// Returns the progress of groups; those that do not exist are missing in the result.
    /// - Parameter names: nil for all groups.
    @available(*, noasync, message: "this blocks; async code calls it in `withAdmin`")
    func progress(of names: Set<String>?) throws -> [GroupProgress]
    /// Releases what the admin holds. No other call may follow.
    func close()
}

extension Admin {
    public var replicationFactor: Int? { nil }
}

/// A cluster's description of a topic.
public struct TopicDescription: Hashable, Sendable {
    /// The name of the topic.
    public let name: String
    /// The number of its partitions, numbered from 0.
    public let partitionCount: Int32
    /// The settings that differ from the cluster's defaults, by Kafka's names: `cleanup.policy`, `retention.ms`, …
    public let configuration: [String: String]
    /// Distinguishes the topic from earlier and later ones of its name; nil if the cluster's topics have no ids.
    public let id: TopicID?
    /// The replication of its records; nil if the cluster stores them once.
    public let replication: Replication?

    /// A topic that exists.
    package init(
        name: String, partitionCount: Int32, configuration: [String: String], id: TopicID? = nil,
        replication: Replication? = nil
    ) {
        self.name = name
        self.partitionCount = partitionCount
        self.configuration = configuration
        self.id = id
        self.replication = replication
    }

    /// The replication of a topic.
    public struct Replication: Hashable, Sendable {
        /// How many brokers store each record: of the partition that has the fewest.
        public var count: Int
        /// How many of them must have stored a record before it is acknowledged: `min.insync.replicas`.
        public var needed: Int

        /// A replication with these numbers of brokers.
        package init(count: Int, needed: Int) { (self.count, self.needed) = (count, needed) }
    }
}

/// A topic to create.
public struct NewTopic: Hashable, Sendable {
    /// The name: up to 249 letters, digits, dots, underscores and hyphens.
    public var name: String
    /// The number of its partitions: at least 1.
    public var partitionCount: Int32
    /// Settings by Kafka's names; others have their defaults.
    public var configuration: [String: String]

    /// The prefix of this project's own settings; none of Kafka's starts with it.
    package static let ownSettingPrefix = "moldau."

    /// A topic to create, with settings by Kafka's names.
    public init(_ name: String, partitionCount: Int32, configuration: [String: String] = [:]) {
        self.name = name
        self.partitionCount = partitionCount
        self.configuration = configuration
    }
}
