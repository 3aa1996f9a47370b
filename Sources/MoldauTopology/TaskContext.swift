import MoldauRecords
import MoldauState

/// What the nodes of one task share: the current record's origin, the clocks, the outbox, the stores, the counters.
///
/// Owned by one stream thread. The runtime sets the clocks and the origin before each record; nodes read them.
@usableFromInline package final class TaskContext {
    /// The id of the application.
    @usableFromInline package let applicationID: String
    /// The id of the task.
    @usableFromInline package let taskID: TaskID
    /// Collects the records that the task sends.
    @usableFromInline package let outbox: any RecordCollector

    // Set for every record: an exclusivity check each time would cost more than the work. They are plain values, and no
    // other code runs while one of them changes.

    /// The only owner of stream time: `took` advances it, `at(streamTime:)` sets it back temporarily.
    @exclusivity(unchecked) @usableFromInline var latest = Timestamp.none
    /// The greatest timestamp of the records taken so far; `.none` before the first.
    @inlinable package var streamTime: Timestamp { latest }
    /// The time of the round: read once per round of the stream thread.
    @exclusivity(unchecked) @usableFromInline package var time: RoundTime
    /// The wall clock: for output and records, never for measuring durations.
    @usableFromInline package var now: Timestamp { time.wall }
    /// The partition of the record that is being processed.
    @exclusivity(unchecked) package var originPartition = TopicPartition("", 0)
    /// The offset of the record that is being processed; nil in punctuations.
    @exclusivity(unchecked) @usableFromInline package var originOffset: Offset?
    /// Where the record that is being processed came from; nil in punctuations.
    @usableFromInline package var origin: RecordOrigin? {
        get {
            guard let offset = originOffset else { return nil }
            return RecordOrigin(topic: originPartition.topic, partition: originPartition.partition, offset: offset)
        }
        set {
            originOffset = newValue?.offset
            if let newValue { originPartition = TopicPartition(newValue.topic, newValue.partition) }
        }
    }
    /// What happens to the record that is being processed if a node drops it; nil: it is only counted.
    @exclusivity(unchecked) @usableFromInline package var diversion: Diversion?
    /// The spans of traced records; nil without tracing.
    @usableFromInline package let traces: TaskTraces?
    /// The minimum time between two searches of an operator for closed windows; set by the runtime.
    @usableFromInline package var closedWindowSearchInterval = Duration.zero

    /// The dropped records, by node and reason.
    package private(set) var drops: [DropKey: DropTally] = [:]
    /// What is kept of them.
    package var dropSamples = DropSamples.whole
    /// What nodes hold back, and until when: `look` returns nil if the node holds nothing.
    package private(set) var holders: [(node: String, look: () throws -> HeldRecords?)] = []
    /// Decides what to do after user code threw.
    @usableFromInline package var onFailure: @Sendable (ProcessingFailure) -> ProcessingResponse
    /// The punctuations that processors have scheduled.
    @usableFromInline package private(set) var schedules: [Schedule] = []
    /// Times that nodes need again after a restart, by store: committed with the input offsets.
    @usableFromInline package var processorTimes: [String: Int64] = [:]
    /// Set by a processor to request a commit soon.
    @usableFromInline package var commitRequested = false

    /// The nodes that forward results later than their records, children first.
    @usableFromInline package private(set) var deferredWork: [any DeferredWork] = []
    /// Maps a topic's name in the topology to its name in the cluster: internal topics get the application's id.
    @usableFromInline package var topicName: (_ name: String) -> String = { $0 }
    /// Ends the stream thread's wait for records; may be called from any thread.
    @usableFromInline package var wake: @Sendable () -> Void = {}
    /// Where asynchronous closures run; nil: on Swift's thread pool.
    @usableFromInline package var asyncExecutor: (any TaskExecutor)?
    /// The task's own random numbers, seeded by the application's id and the task's.
    @usableFromInline package var generator: SeededGenerator

    private var stores: [String: any StateStore] = [:]
    private var commitHooks: [(order: Int, flush: () throws -> Void)] = []
    private var closeHooks: [() throws -> Void] = []

    /// Made by the runtime for each task; a test driver makes one as well.
    @usableFromInline package init(
        applicationID: String, taskID: TaskID, outbox: any RecordCollector, now: RoundTime,
        tracing: (any RecordTracing)? = nil,
        onFailure: @escaping @Sendable (ProcessingFailure) -> ProcessingResponse = { _ in .fail }
    ) {
        self.applicationID = applicationID
        self.taskID = taskID
        self.outbox = outbox
        time = now
        self.onFailure = onFailure
        traces = tracing.map { TaskTraces($0, task: taskID, application: applicationID) }
        var name = "\(applicationID) \(taskID)"
        generator = SeededGenerator(
            seed: UInt64(bitPattern: Int64(name.withUTF8 { murmur2(UnsafeRawBufferPointer($0)) })))
    }

    /// Advances stream time to the timestamp of a record that was taken.
    @inlinable @inline(__always)
    package func took(_ time: Timestamp) { if time > latest { latest = time } }

    /// Runs `body` with the stream time of an earlier record, whose results or punctuations are processed now.
    package func at(streamTime: Timestamp, _ body: () throws -> Void) rethrows {
        let taken = latest
        latest = streamTime
        defer { latest = taken }
        try body()
    }

    /// Adds a store; nodes find it by its name.
    @usableFromInline package func add(_ store: any StateStore) {
        stores[store.name] = store
        guard let store = store as? any ExpiringStore else { return }
        let name = store.name
        store.onExpired = { [unowned self] in drop(.expired, at: name) }
    }
    /// The store of that name; nil if the task has none.
    @usableFromInline package func store(named name: String) -> (any StateStore)? { stores[name] }

    /// Adds a node that forwards results later than their records.
    @usableFromInline package func add(_ work: any DeferredWork) { deferredWork.append(work) }

    /// Counts a dropped record, and diverts it if the topology says so.
    /// - Parameters:
    ///   - error: the error that user code threw, if it did.
    ///   - record: the record; nil for the one that is being processed.
    @usableFromInline package func drop(
        _ reason: DropReason, at node: String, because error: (any Error)? = nil, of record: OriginalRecord? = nil
    ) {
        drops[DropKey(node: node, reason: reason), default: DropTally()].add(at: now, dropSamples) {
            record ?? currentRecord
        }
        if record == nil { traces?.current?.dropped(reason, at: node) }
        diversion?.taking(reason, at: node)?.note(Discard(reason: reason, node: node, error: error))
    }

    /// A copy of the record that is being processed. For a record that was held back, only the origin is known.
    private var currentRecord: OriginalRecord? {
        guard let origin else { return nil }
        if let record = outbox.originalRecord, record.origin == origin { return record }
        return OriginalRecord(origin: origin, key: nil, value: nil, timestamp: .none, headers: Headers())
    }

    /// Lets a node say what it holds back. `look` must not keep this context alive.
    package func add(holder node: String, _ look: @escaping () throws -> HeldRecords?) { holders.append((node, look)) }

    /// Registers `flush` to be called at each commit, before the changelogs are written, in ascending `order`.
    @usableFromInline package func beforeCommit(order: Int, _ flush: @escaping () throws -> Void) {
        commitHooks.append((order, flush))
        commitHooks.sort { $0.order < $1.order }
    }

    /// Forwards held-back changes, in the order of their stores.
    @usableFromInline package func flushHeldChanges() throws { for hook in commitHooks { try hook.flush() } }

    /// Registers `close` to be called once when the task ends, even after an error.
    @usableFromInline package func onClose(_ close: @escaping () throws -> Void) { closeHooks.append(close) }

    /// Closes all nodes, parents before children (tasks wire children first), even if one throws.
    /// - Throws: the first error.
    @usableFromInline package func closeNodes() throws {
        var first: (any Error)?
        // Breaks the reference cycle: these hold the nodes, which hold this context.
        defer { (commitHooks, schedules, deferredWork, holders) = ([], [], [], []) }
        while let close = closeHooks.popLast() {
            do { try close() } catch { first = first ?? error }
        }
        if let first { throw first }
    }

    /// Adds a punctuation.
    @usableFromInline package func add(_ schedule: Schedule) { schedules.append(schedule) }
    /// Removes the punctuations that were cancelled.
    @usableFromInline package func removeCancelledSchedules() { schedules.removeAll(where: \.isCancelled) }
}

/// A sub-topology's instance for one partition; written `0_3`, also as the name of its state directory.
public struct TaskID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number of the sub-topology; negative for global stores.
    public let subtopology: Int
    /// The partition that the task reads in each of its topics.
    public let partition: Partition

    /// The task of a sub-topology for a partition.
    public init(subtopology: Int, partition: Partition) {
        self.subtopology = subtopology
        self.partition = partition
    }

    public static func < (left: TaskID, right: TaskID) -> Bool {
        (left.subtopology, left.partition) < (right.subtopology, right.partition)
    }

    public var description: String { "\(subtopology)_\(partition)" }

    /// Whether this is the pseudo-task that maintains the global stores, which belong to no sub-topology.
    public var isGlobal: Bool { subtopology < 0 }
}

extension TaskID: Codable {
    /// The task with that name, `0_3` for example; nil for other text.
    package init?(named name: String) {
        let parts = name.split(separator: "_", maxSplits: 1)
        guard parts.count == 2, let part = Int(parts[0]), let partition = Int32(parts[1]), partition >= 0 else {
            return nil
        }
        self.init(subtopology: part, partition: Partition(partition))
    }

    /// Decodes a task that was encoded as its name, `0_3` for example.
    public init(from decoder: any Decoder) throws {
        let name = try String(from: decoder)
        guard let task = TaskID(named: name) else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "'\(name)' is not a task id"))
        }
        self = task
    }

    public func encode(to encoder: any Encoder) throws { try description.encode(to: encoder) }
}

/// The topic, partition and offset that a record came from.
public struct RecordOrigin: Hashable, Sendable {
    /// The topic's name in the cluster.
    public var topic: String
    /// The partition of the topic.
    public var partition: Partition
    /// The record's offset in that partition.
    public var offset: Offset

    /// The place of a record.
    public init(topic: String, partition: Partition, offset: Offset) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }
}

/// Identifies a counter of dropped records.
public struct DropKey: Hashable, Sendable, CustomStringConvertible {
    /// The node that dropped records.
    public let node: String
    /// Why records were dropped.
    public let reason: DropReason

    /// Drops at a node, for one reason.
    public init(node: String, reason: DropReason) {
        self.node = node
        self.reason = reason
    }

    public var description: String { "\(reason) at '\(node)'" }
}

/// User code threw while a node processed a record. The processing handler decides what happens next.
public struct ProcessingFailure: Error, CustomStringConvertible {
    /// The node whose user code threw.
    public let node: String
    /// The task in which the error occurred.
    public let task: TaskID
    /// The origin of the record; nil in a punctuation.
    public let origin: RecordOrigin?
    /// The error that the code threw.
    public let underlying: any Error

    public var description: String {
        let place = origin.map { " of \($0.topic)-\($0.partition) at offset \($0.offset)" } ?? ""
        return "'\(node)' failed on a record\(place) in task \(task): \(underlying)"
    }
}

/// What to do after a failure of user code.
public enum ProcessingResponse: Sendable {
    /// The stream thread stops with the failure; the uncaught-error handler decides what happens next.
    case fail
    /// The record is dropped at that node and counted, and processing continues.
    case skip
    /// Like `skip`; in addition the record that was being processed is sent to the dead-letter topic.
    case deadLetter(topic: String)
}

/// Collects the records that nodes send to topics. Owned by the task's thread.
@usableFromInline package protocol RecordCollector: AnyObject {
    /// The batches of a topic. May block on the first call for a topic, to learn its number of partitions.
    func batches(forTopic name: String) throws -> BatchedTopic
    /// Encodes a record at once; the caller may reuse its bytes when this returns.
    /// - Parameter partition: nil leaves the choice to the key, or to the sticky partitioner if there is no key.
    func send(
        _ topic: BatchedTopic, partition: Partition?, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
        timestamp: Timestamp, headers: Headers) throws
    /// Must be called after a record was appended to a batch directly, if the batch has reached its `noticeBytes`.
    func grew(_ batch: UnsafeMutablePointer<GrowingBatch>) throws
    /// The cluster's error for records sent in this round, if it was thrown to the caller: the caller may be user code,
    /// and the error is not its own.
    var failure: (any Error)? { get }
    /// A copy of the record that the task is processing; nil in punctuations.
    var originalRecord: OriginalRecord? { get }
    /// A record that the task took earlier and continues with now: while set, it counts as the record being processed.
    var resumed: OriginalRecord? { get set }
    /// Copies the record that the task is processing to a dead-letter topic, with headers that say why.
    func sendDeadLetter(topic: String, failure: any Error, node: String) throws
}
