import Logging
import MoldauRecords
import MoldauState
import MoldauTopology

/// What a crash may do to results.
public enum ProcessingGuarantee: Sendable, Hashable {
    /// Nothing is lost; what was not committed before a crash is processed again, and its results are there twice.
    case atLeastOnce
    /// Nothing is lost and nothing is there twice, for whoever reads committed records: output, state and positions are
    /// committed together, in transactions (KIP-98, KIP-447).
    case exactlyOnce
}

/// How an application runs. Every setting has a default that is meant to be kept.
public struct StreamsConfiguration: Sendable {
    /// What a crash may do to results.
    public var guarantee: ProcessingGuarantee = .atLeastOnce

    /// With exactly-once: a transaction that is open for longer, because its thread hangs or a record takes so long, is aborted by the
    /// cluster; its records are processed again. Longer than `commitInterval`. nil: ten seconds, or three commit intervals where that is
    /// longer.
    public var transactionTimeout: Duration?

    /// The timeout that transactions get.
    var ownTransactionTimeout: Duration {
        transactionTimeout ?? max(.seconds(10), commitInterval * 3)
    }

    /// How often positions and state are committed. Kafka Streams waits 30 s by default; here a commit appends each
    /// changed key once and touches no state on disk, so it is cheap enough to bound what is read twice after a crash
    /// to a tenth of a second.
    public var commitInterval: Duration = .milliseconds(100)

    /// How often stores are written to disk even when memory does not demand it: it bounds what is replayed after a
    /// crash.
    public var writeBehindInterval: Duration = .seconds(60)

    /// Threads that process, at first. Tasks are spread over them evenly; more threads than tasks are idle.
    public var streamThreads = 1

    /// Copies of each task's stores on other threads, which follow the changelogs and take over when the task's thread ends
    /// or fails: then only the changelog's tail has to be read. Kafka's `num.standby.replicas`. There are fewer where there
    /// are not as many other threads, and none of tasks with a store that is not logged. With one process, stores on disk
    /// are there after a failure anyway; it is stores in memory that gain. Each copy takes its share of memory and disk.
    public var standbys = 0

    /// Memory of all state stores together, in bytes: block cache, write buffers and write-back caches.
    public var stateMemoryBytes = 256 << 20

    /// How RocksDB keeps stores on disk. May change from one start to the next: what is on disk is read as it was written.
    public var rocksDB = RocksDBOptions()

    /// A partition is not fetched further while more than this is buffered of it, in bytes.
    public var bufferedBytesPerPartition = 4 << 20

    /// Batches are sent when they have grown to this size, in bytes; the rest goes when the thread is idle or commits.
    public var batchBytes = 64 << 10

    /// Records that one task processes before the next task's turn.
    public var recordsPerTurn = 1_000

    /// How long a task waits for an input partition that has nothing buffered while others have.
    public var taskIdling = TaskIdling.untilCaughtUp

    /// How far, in the time of records, a thread's tasks may be ahead of those of other threads where they write one repartition topic.
    /// Tasks of one thread take their records in the order of their times. Without effect where `taskIdling` is `.never`.
    public var lookahead: Duration = .seconds(1)

    /// Where the closures of asynchronous operators run; nil: on Swift's pool.
    public var asyncExecutor: (any TaskExecutor)?

    /// How long a stop waits for the results of asynchronous operators. When they have not come until then they are
    /// cancelled, and what was done since the last commit will be read again.
    public var stopPatience: Duration = .seconds(10)

    /// What happens to a record whose bytes cannot be read. By default the thread stops.
    public var onDeserializationFailure: @Sendable (DeserializationFailure) -> ProcessingResponse = { _ in .fail }

    /// What happens when user code throws. By default the thread stops.
    public var onProcessingFailure: @Sendable (ProcessingFailure) -> ProcessingResponse = { _ in .fail }

    /// What happens to records that cannot be written, too large ones for example. By default the thread stops.
    public var onProductionFailure: @Sendable (ProductionFailure) -> ProductionResponse = { _ in .fail }

    /// Topics that the topology reads or writes and the cluster does not have are created with that many partitions;
    /// nil: an error names them.
    public var newTopicPartitions: Int32?

    /// Topics that only closures name: dead-letter topics of handlers, and those that sinks choose record by record. They are looked for
    /// when the application starts, and created as those of the topology are. One that is not named here is created with its first
    /// record where `newTopicPartitions` says so; otherwise that record stops its thread.
    public var namedTopics: Set<String> = []

    /// How often an application whose topology reads topics by a pattern looks whether others are there, by its clock. Kafka's
    /// `metadata.max.age.ms`, which is five minutes there.
    public var topicSearchInterval: Duration = .seconds(10)

    /// Settings of the topics that the application makes for itself, by Kafka's names (`min.insync.replicas`, …); those of
    /// `changelogSettings` of an operator's options go over them, and so do the retention of windowed changelogs and the compaction lag
    /// of versioned ones. Kafka's prefix `topic.`. Topics that are there already stay as they are.
    public var internalTopicSettings: [String: String] = [:]

    /// How much longer than its store the changelog of a windowed store keeps its records: clusters delete by the wall clock,
    /// stores by stream time. Kafka's `windowstore.changelog.additional.retention.ms`.
    public var windowChangelogExtraRetention: Duration = .seconds(86_400)

    /// What happens when a stream thread stopped with an error. Called on that thread.
    public var onUncaughtError: @Sendable (any Error) -> UncaughtErrorResponse = { _ in .stopClient }

    /// Called on every change of the application's state, on the thread that caused it. It must not block.
    public var onStateChange: @Sendable (_ old: StreamsState, _ new: StreamsState) -> Void = { _, _ in }

    /// Called with the progress of restores, on the stream threads.
    public var onRestore: @Sendable (RestoreProgress) -> Void = { _ in }

    /// Logs what whoever operates the application should know: threads that stopped, positions that are gone. Nothing per record.
    public var logger = Logger(label: "moldau.streams")

    public init() {}
}

/// How long a task waits for an input partition that has nothing buffered while others have: with all of them there,
/// records are taken in the order of their timestamps across partitions. Kafka's `max.task.idle.ms`.
public enum TaskIdling: Sendable, Hashable {
    /// Not at all: whatever is buffered is processed (-1).
    case never
    /// While the cluster is known to hold more of the partition (0, the default).
    case untilCaughtUp
    /// As `untilCaughtUp`, and that much longer for records that are still to be written.
    case upTo(Duration)
}
