public import Logging
package import MoldauBroker
@_exported public import protocol MoldauCluster.Admin
@_exported public import protocol MoldauCluster.Cluster
@_exported public import struct MoldauCluster.ClusterAccess
@_exported public import struct MoldauCluster.ClusterChoice
@_exported public import enum MoldauCluster.ClusterError
@_exported public import struct MoldauCluster.GroupProgress
@_exported public import enum MoldauCluster.LagJudgement
@_exported public import struct MoldauCluster.LagReport
@_exported public import struct MoldauCluster.NewTopic
@_exported public import struct MoldauCluster.TopicDescription
@_exported public import enum MoldauLog.Durability
@_exported public import enum MoldauLog.LogError
public import MoldauCluster
public import MoldauLog
public import MoldauRecords

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A broker in this process: topics in a directory, or in memory. Needs no server; `MoldauServer` can add one.
///
/// Only one process at a time can use a directory. The cluster may be used by several threads; its consumers, producers
/// and admins by one thread each.
public final class EmbeddedCluster: Cluster, InProcessCluster, CustomStringConvertible {
    /// Milliseconds since 1970 by the system's clock.
    public static let systemClock: @Sendable () -> Timestamp = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(ms: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// The time since it was first read, by a clock that is never set and that continues while the machine sleeps.
    public static let systemUptime: @Sendable () -> Duration = {
        let beginning = ContinuousClock.now
        return { beginning.duration(to: .now) }
    }()

    package let store: any EmbeddedStore
    /// The traffic of the servers that make the broker available to other processes.
    package let traffic = BrokerTraffic()
    private let upkeep: Upkeep?

    /// The location of the cluster, for log messages.
    public let description: String

    /// Opens the cluster in `directory`; creates it if it does not exist. After an unclean stop the content of the disk
    /// is checked first. Blocks: async code gets an initializer that does so on another thread.
    /// - Parameters:
    ///   - directory: contains the topics.
    ///   - durability: when a record counts as written.
    ///   - clock: the wall clock, for timestamps and retention.
    ///   - randomness: the source of new topics' ids.
    ///   - logger: gets warnings about what is deleted, moved or reconstructed, and about upkeep that failed.
    /// - Throws: `LogError.locked`, at once, if another process uses the directory; `.io`; `.damagedFile`.
    @available(
        *, noasync,
        message: "this blocks; write `try await EmbeddedCluster(directory:)` in an async function, not at top level"
    )
    public convenience init(
        directory: String, durability: Durability = .sync,
        clock: @escaping @Sendable () -> Timestamp = EmbeddedCluster.systemClock,
        randomness: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        logger: Logger = Logger(label: "moldau.broker")
    ) throws(LogError) {
        let broker = try Self.open(directory, durability, clock, randomness, logger)
        self.init(opened: broker, in: directory, durability, logger)
    }

    /// Opens the cluster in `directory`, on a thread of its own; creates it if it does not exist. After an unclean stop
    /// the content of the disk is checked first.
    /// - Parameters:
    ///   - directory: contains the topics.
    ///   - durability: when a record counts as written.
    ///   - clock: the wall clock, for timestamps and retention.
    ///   - randomness: the source of new topics' ids.
    ///   - logger: gets warnings about what is deleted, moved or reconstructed, and about upkeep that failed.
    /// - Throws: `LogError.locked`, at once, if another process uses the directory; `.io`; `.damagedFile`.
    public convenience init(
        directory: String, durability: Durability = .sync,
        clock: @escaping @Sendable () -> Timestamp = EmbeddedCluster.systemClock,
        randomness: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        logger: Logger = Logger(label: "moldau.broker")
    ) async throws(LogError) {
        let broker = try await onThread { () throws(LogError) in
            try Self.open(directory, durability, clock, randomness, logger)
        }
        self.init(opened: broker, in: directory, durability, logger)
    }

    private static func open(
        _ directory: String, _ durability: Durability, _ clock: @escaping @Sendable () -> Timestamp,
        _ randomness: any RandomNumberGenerator & Sendable, _ logger: Logger
    ) throws(LogError) -> Broker<PosixFileSystem> {
        PosixFileSystem.raiseDescriptorLimit()
        return try Broker(
            PosixFileSystem(), directory: directory, durability: durability, clock: clock, uptime: systemUptime,
            randomness: randomness, logger: logger)
    }

    private init(
        opened broker: Broker<PosixFileSystem>, in directory: String, _ durability: Durability, _ logger: Logger
    ) {
        description = "embedded in '\(directory)'"
        store = broker
        upkeep = Upkeep(of: broker, durability: durability, logger: logger)
    }

    /// A cluster in memory, empty at first, gone with its last reference: for tests.
    /// - Throws: `LogError` for files that cannot be used, which are in memory here.
    public init(
        inMemoryWithClock clock: @escaping @Sendable () -> Timestamp = EmbeddedCluster.systemClock,
        randomness: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) throws(LogError) {
        description = "embedded, in memory"
        store = try Broker(
            MemoryFileSystem(), directory: "memory", durability: .os, clock: clock, randomness: randomness)
        upkeep = nil
    }

    /// A cluster on a broker that has other users too.
    package init<Files: FileSystem>(_ broker: Broker<Files>) {
        description = "embedded"
        store = broker
        upkeep = nil
    }

    /// Makes everything durable and releases the directory; clients get `ClusterError.closed` from then on. Blocks:
    /// async code gets a method that does so on another thread.
    /// - Throws: `ClusterError` if the last records could not be made durable.
    @available(
        *, noasync, message: "this blocks; write `try await close()` in an async function, not at top level"
    )
    public func close() throws(ClusterError) {
        upkeep?.stop()
        try store.closeStore()
    }

    /// Makes everything durable and releases the directory, on a thread of its own; clients get `ClusterError.closed`
    /// from then on.
    /// - Throws: `ClusterError` if the last records could not be made durable.
    public func close() async throws(ClusterError) {
        try await onThread { () throws(ClusterError) in try self.close() }
    }

    /// The broker's resource use. Opens the logs that are closed, and blocks for that.
    package func use() -> BrokerUse {
        func use(_ store: some EmbeddedStore) -> BrokerUse {
            var use = BrokerUse()
            use.groupCount = store.broker.groupNames().count
            (use.requestCount, use.connectionCount) = (traffic.requestCount, traffic.connectionCount)
            (use.bytesReceived, use.bytesSent) = (traffic.bytesReceived, traffic.bytesSent)
            for partition in store.broker.sizes().partitions {
                use.topicBytes[partition.partition.topic, default: 0] += partition.bytes
                use.partitionCount += 1
            }
            return use
        }
        return use(store)
    }

    /// Makes a consumer of the topics in this cluster.
    package func makeConsumer(_ options: ConsumerOptions) throws -> any Consumer { store.makeConsumer(options) }
    /// Makes a producer whose records are readable as soon as they are stored.
    package func makeProducer(_ options: ProducerOptions) throws -> any Producer { store.makeProducer() }
    package func makeTransactionalProducer(_ options: TransactionalProducerOptions) throws -> any TransactionalProducer
    {
        try store.makeTransactionalProducer(options)
    }
    public func makeAdmin() throws -> any Admin { store.makeAdmin() }
    public var access: ClusterAccess { ClusterAccess(self) }

    /// - Throws: `ClusterError.groupInUse` while the group has another member.
    package func join(group: String, _ worker: any GroupWorker) throws -> GroupMembership {
        try store.join(group, worker)
    }
}

/// A broker on any file system.
package protocol EmbeddedStore: Sendable {
    /// The files that the broker uses.
    associatedtype Files: FileSystem
    /// The broker itself.
    var broker: Broker<Files> { get }
    /// See `ClusterPort.makeConsumer`.
    func makeConsumer(_ options: ConsumerOptions) -> any Consumer
    /// See `ClusterPort.makeProducer`.
    func makeProducer() -> any Producer
    /// See `ClusterPort.makeTransactionalProducer`.
    func makeTransactionalProducer(
        _ options: TransactionalProducerOptions
    ) throws(ClusterError) -> any TransactionalProducer
    /// See `Cluster.makeAdmin`.
    func makeAdmin() -> any Admin
    /// See `ClusterPort.join`.
    func join(_ group: String, _ worker: any GroupWorker) throws(ClusterError) -> GroupMembership
    /// See `EmbeddedCluster.close`.
    func closeStore() throws(ClusterError)
}

extension Broker: EmbeddedStore {
    package var broker: Broker<Files> { self }

    package func makeConsumer(_ options: ConsumerOptions) -> any Consumer { EmbeddedConsumer(self, options) }
    package func makeProducer() -> any Producer { EmbeddedProducer(self) }
    package func makeTransactionalProducer(
        _ options: TransactionalProducerOptions
    ) throws(ClusterError) -> any TransactionalProducer { try EmbeddedTransactionalProducer(self, options) }
    package func makeAdmin() -> any Admin { EmbeddedAdmin(self) }
    package func join(_ group: String, _ worker: any GroupWorker) throws(ClusterError) -> GroupMembership {
        let residence = try translating { () throws(BrokerError) in try join(group) as GroupResidence }
        return GroupMembership(alone: worker) { [weak self] in self?.leave(residence) }
    }
    package func closeStore() throws(ClusterError) {
        do throws(BrokerError) { try close() } catch { throw ClusterError(error) }
    }
}

extension ClusterError {
    init(_ error: BrokerError) {
        self =
            switch error {
            case .unknownTopic(let name): .unknownTopic(name)
            case .topicExists(let name): .topicExists(name)
            case .invalidTopic(let name, let reason), .invalidPartitions(let name, let reason):
                .invalidTopic(name: name, reason: reason)
            case .tooManyPartitions(let name, let limit):
                .invalidTopic(name: name, reason: "there can be no more than \(limit) of its kind; delete others first")
            case .undeletable(let name):
                .unavailable(
                    reason: "the records of \(name) are only compacted: add 'delete' to the topic's cleanup.policy")
            case .invalidSettings(let topic, let reason): .invalidSettings(topic: topic, reason: reason)
            case .internalTopic(let name):
                .unavailable(
                    reason:
                        "'\(name)' holds the cluster's own records: only the cluster creates, writes and deletes it")
            case .unknownPartition(let name, let count): .unknownPartition(name, partitionCount: count)
            case .log(let name, .offsetOutOfRange(let requested, let held)):
                .offsetOutOfRange(name, requested: requested, held: held)
            case .log(let name, .batchTooLarge(let bytes, let limit)): .recordTooLarge(name, bytes: bytes, limit: limit)
            case .unreadable(let holder, let name, let cause):
                .unavailable(
                    reason:
                        "the records about \(holder) are in \(name), which is damaged: \(cause); others are not affected; "
                        + "'moldau repair' shows what is lost, and can leave it out")
            case .log(let name, let cause) where cause.isRefusal:
                .invalidRecord(name, reason: cause.description)
            case .log(_, .producerFenced(let id, _, _)): .producerFenced(id: "producer \(id)")
            case .log(_, .offline(let reason)), .storage(.offline(let reason)):
                .offline(reason: LogError.offline(reason: reason).description)
            case .log(let name, let cause) where cause.isDiskFull: .diskFull(reason: "\(name): \(cause)")
            case .log(let name, let cause): .unavailable(reason: "\(name): \(cause)")
            case .invalidCommit(let reason): .unavailable(reason: reason)
            case .producerFenced(let id): .producerFenced(id: id)
            case .invalidTransaction(let id, let reason): .unavailable(reason: "the transaction of '\(id)': \(reason)")
            case .unknownProducer(let id, _), .transactionInProgress(let id): .producerFenced(id: id)
            case .invalidTransactionTimeout, .invalidProducerRequest, .tooManyTransactionalIDs, .unknownTransactionalID:
                .unavailable(reason: "\(error)")
            case .storage(let cause) where cause.isDiskFull: .diskFull(reason: cause.description)
            case .storage(let cause): .unavailable(reason: cause.description)
            case .groupInUse(let group): .groupInUse(group)
            case .closed: .closed
            }
    }
}

/// Runs a broker's call and converts its error to the port's.
func translating<Result>(_ body: () throws(BrokerError) -> Result) throws(ClusterError) -> Result {
    do throws(BrokerError) { return try body() } catch { throw ClusterError(error) }
}
