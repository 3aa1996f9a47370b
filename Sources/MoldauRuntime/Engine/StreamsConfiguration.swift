import Logging
import MoldauRecords
import MoldauState
import MoldauTopology

/// What a crash may do to results.
public enum ProcessingGuarantee: Sendable, Hashable {
    /// Nothing is lost; records not committed before a crash are processed again, and their results appear twice.
    case atLeastOnce
    /// Nothing is lost and nothing is duplicated, for readers of committed records: output, state and positions are
    /// committed together, in transactions (KIP-98, KIP-447).
    case exactlyOnce
}

/// How an application runs. Every setting has a default that suits most applications.
public struct StreamsConfiguration: Sendable {
    /// What a crash may do to results.
    public var guarantee: ProcessingGuarantee = .atLeastOnce

    /// With exactly-once: a transaction that is open for longer, because its thread hangs or a record takes that long,
    /// is aborted by the cluster, and its records are processed again. Must be longer than `commitInterval`. nil: ten
    /// seconds, or three commit intervals if that is longer.
    public var transactionTimeout: Duration?

    /// The effective timeout of transactions.
    var ownTransactionTimeout: Duration {
        transactionTimeout ?? max(.seconds(10), commitInterval * 3)
    }

    /// How often positions and state are committed. Kafka Streams waits 30 s by default; here a commit appends each
    /// changed key once and does not touch the state on disk. So it is cheap enough to limit what is read twice after a
    /// crash to a tenth of a second.
    public var commitInterval: Duration = .milliseconds(100)

    /// How often stores are written to disk even if memory does not require it: it limits what is replayed after a
    /// crash.
    public var writeBehindInterval: Duration = .seconds(60)

    /// The number of processing threads at the start. Tasks are spread over them evenly; threads beyond the number of
    /// tasks are idle.
    public var streamThreads = 1

    /// `application.server`: the address `HOST:PORT` at which other processes of the application can query this one's
    /// state; they find it in `StreamsApplication.hosts`. nil if it does not answer queries. No effect if there are no
    /// other processes.
    public var applicationServer: String?

    /// The number of copies of each task's stores on other threads, or in other processes where several share the
    /// tasks. Copies follow the changelogs and take over when the task's thread ends or fails, so that only the rest of
    /// the changelog has to be read. Kafka's `num.standby.replicas`. There are fewer if there are not enough other
    /// threads, and none for tasks with a store that is not logged. Within one process, stores on disk survive a
    /// failure anyway, so only stores in memory benefit. Each copy takes its share of memory and disk.
    public var standbys = 0

    /// The location of this process, by tags of your choice: `["zone": "eu-1", "rack": "7"]`. Standby copies go to
    /// processes that share as few tags as possible with the task's process and its other copies, so that one failure
    /// does not take them all. Kafka's `client.tag.*`; all tags count, without `rack.aware.assignment.tags`. No effect
    /// if one process has all tasks.
    public var clientTags: [String: String] = [:]

    /// The memory of all state stores together, in bytes: block cache, write buffers and write-back caches.
    public var stateMemoryBytes = 256 << 20

    /// How RocksDB stores data on disk. May change from one start to the next: existing files are read as they were
    /// written.
    public var rocksDB = RocksDBOptions()

    /// A partition is not fetched while more than this many bytes of it are buffered.
    public var bufferedBytesPerPartition = 4 << 20

    /// Batches are sent when they reach this size in bytes; smaller ones when the thread is idle or commits.
    public var batchBytes = 64 << 10

    /// How many records a task processes before the next task's turn.
    public var recordsPerTurn = 1_000

    /// How long a task waits for an input partition with nothing buffered while others have records.
    public var taskIdling = TaskIdling.untilCaughtUp

    /// How far a thread's tasks may be ahead of those of other threads that write to the same repartition topic, in the
    /// records' time. Tasks of one thread take their records in the order of their timestamps. No effect if
    /// `taskIdling` is `.never`.
    public var lookahead: Duration = .seconds(1)

    /// Where the closures of asynchronous operators run; nil for Swift's thread pool.
    public var asyncExecutor: (any TaskExecutor)?

    /// How long a stop waits for the results of asynchronous operators. After that they are cancelled, and records
    /// processed since the last commit will be read again.
    public var stopPatience: Duration = .seconds(10)

    /// How long a stop may take in all. Threads that have not ended by then, for example because the cluster is
    /// unreachable, are not waited for any longer: the application ends with `RuntimeError.stopTimedOut`, and records
    /// that they have not committed are processed again at the next start. nil: 20 seconds longer than `stopPatience`.
    /// The timeout of Kafka's `close`.
    public var stopTimeout: Duration?

    /// The effective timeout of stops.
    var ownStopTimeout: Duration { stopTimeout ?? stopPatience + .seconds(20) }

    /// How long threads that did not stop in time keep the process in its group, where others wait for its tasks:
    /// Kafka's `max.poll.interval.ms`.
    package var heldThreadPatience: Duration = .seconds(300)

    /// What to do with a record that cannot be decoded. By default the thread stops.
    public var onDeserializationFailure: @Sendable (DeserializationFailure) -> ProcessingResponse = { _ in .fail }

    /// What to do when user code throws. By default the thread stops. Not called if a processor's `forward` throws
    /// because the cluster accepts no records: the thread stops then, as it does without a processor.
    public var onProcessingFailure: @Sendable (ProcessingFailure) -> ProcessingResponse = { _ in .fail }

    /// What to do with records that cannot be written, for example because they are too large. By default the thread
    /// stops.
    public var onProductionFailure: @Sendable (ProductionFailure) -> ProductionResponse = { _ in .fail }

    /// What `explain` shows of dropped records: by default, for up to five records per node and reason, up to a KiB of
    /// the key and of the value.
    public var dropSamples = DropSamples.whole

    /// Creates missing topics that the topology reads or writes, with this many partitions; nil makes missing topics an
    /// error that names them.
    public var newTopicPartitions: Int32?

    /// Topics that appear only in closures: dead-letter topics of handlers, and topics that sinks choose record by
    /// record. They are looked up when the application starts, and created like the topology's own. A topic that is not
    /// listed here is created with its first record if `newTopicPartitions` is set; otherwise that record stops its
    /// thread.
    public var namedTopics: Set<String> = []

    /// How often an application whose topology reads topics by a pattern searches for matching topics, and one with
    /// global tables checks whether their topics were recreated. Kafka's `metadata.max.age.ms`, which is five minutes
    /// there.
    public var topicSearchInterval: Duration = .seconds(10)

    /// Settings for the application's internal topics, by Kafka's names (`min.insync.replicas`, …). They are overridden
    /// by the `changelogSettings` of a store (`Materialized`, `BufferStoreOptions`, `StoreDefinition`), by the
    /// retention of windowed changelogs and by the compaction lag of versioned ones. Kafka's prefix `topic.`. Existing
    /// topics are not changed.
    public var internalTopicSettings: [String: String] = [:]

    /// How much longer the changelog of a windowed store keeps its records than the store: clusters delete by the wall
    /// clock, stores by stream time. Kafka's `windowstore.changelog.additional.retention.ms`.
    public var windowChangelogExtraRetention: Duration = .seconds(86_400)

    /// What to do when a stream thread has stopped with an error. Called on that thread.
    public var onUncaughtError: @Sendable (any Error) -> UncaughtErrorResponse = { _ in .stopClient }

    /// Called on every change of the application's state, on the thread that caused it. It must not block.
    public var onStateChange: @Sendable (_ old: StreamsState, _ new: StreamsState) -> Void = { _, _ in }

    /// Called with the progress of restores, on the stream threads.
    public var onRestore: @Sendable (RestoreProgress) -> Void = { _ in }

    /// Logs what an operator should know: threads that stopped, lost positions. Nothing is logged per record.
    public var logger = Logger(label: "moldau.streams")

    /// The shortest time between two searches of an operator for closed windows; zero: every record searches.
    package var closedWindowSearchInterval = Duration.seconds(1)

    /// Follows records through the application: set by the library `MoldauTracing`.
    package var tracing: (any RecordTracing)?

    /// The defaults.
    public init() {}
}

/// How long a task waits for an input partition with nothing buffered while others have records: when all have some,
/// records are taken in the order of their timestamps across partitions. Kafka's `max.task.idle.ms`.
public enum TaskIdling: Sendable, Hashable {
    /// Never: buffered records are processed at once (-1).
    case never
    /// While the cluster is known to have more records of the partition (0, the default).
    case untilCaughtUp
    /// Like `untilCaughtUp`, and then this much longer for records that have not been written yet.
    case upTo(Duration)
}
