import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

/// Tests one processor without a topology: give it the `context`, hand it records, and see what it did.
///
/// ```swift
/// let mock = try MockProcessorContext<String, String>(stores: Numbered.stores)
/// let processor = Numbered()
/// try processor.start(mock.context)
/// try processor.process(Record(key: "ada", value: "/home", timestamp: Timestamp(ms: 0)))
/// #expect(mock.forwarded.map(\.value) == ["1 /home"])
/// ```
/// `Key` and `Value` are what the processor forwards. Its stores are read with `mock.store(…)`.
public final class MockProcessorContext<Key, Value> {
    /// What the processor is started with.
    public let context: ProcessorContext<Key, Value>
    private let task: TaskContext
    private let environment: StoreEnvironment
    private let stores: [any StateStore]
    private let sent: Sent

    /// The records by the node that got them.
    private final class Sent { var records: [String: [Record<Key, Value>]] = [:] }
    /// Stands for all nodes downstream.
    private static var everyone: String { "" }

    /// - Parameters:
    ///   - stores: those that the processor looks up; they are in memory.
    ///   - children: the names of nodes downstream, for a processor that forwards to some of them by name.
    ///   - wallClock: what the clock shows at first.
    /// - Throws: what a store throws when it is opened.
    public init(
        stores definitions: [StoreDefinition] = [], children: [String] = [], applicationID: String = "test",
        taskID: TaskID = TaskID(subtopology: 0, partition: Partition(0)), wallClock: Timestamp = Timestamp(ms: 0)
    ) throws {
        let outbox = Outbox(
            names: InternalTopicNames(applicationID: applicationID, topology: Topology()),
            producer: CapturingProducer(), configuration: StreamsConfiguration())
        let (task, sent) = (
            TaskContext(applicationID: applicationID, taskID: taskID, outbox: outbox, now: RoundTime(wallClock)), Sent()
        )
        environment = try OpenStateLocation(.memory).environment("\(taskID)")
        stores = try definitions.map { [environment] in try $0.open(in: environment) }
        for store in stores { task.add(store) }
        context = try ProcessorContext(
            NodeContext(
                node: "processor", task: task,
                children: ([Self.everyone] + children).map { name in
                    (name, Inlet<Key, Value> { sent.records[name, default: []].append($0) })
                },
                stores: Set(definitions.map(\.name)), storeOrder: [:]))
        (self.task, self.sent) = (task, sent)
    }

    deinit {
        try? task.closeNodes()
        for store in stores { try? store.close() }
        environment.close()
    }

    /// A store of the processor's, as the type that its name has.
    /// - Throws: `TopologyError.storeNotConnected`, `.wrongType`.
    public func store<Name: StoreName>(_ name: Name) throws -> Name.Store { try context.store(name) }

    /// What was forwarded to all nodes downstream, in order.
    public var forwarded: [Record<Key, Value>] { sent.records[Self.everyone] ?? [] }

    /// What the node of that name got: what was forwarded to it alone or to all, in order.
    public func forwarded(to child: String) -> [Record<Key, Value>] { sent.records[child] ?? [] }

    /// Forgets what was forwarded.
    public func resetForwarded() { sent.records = [:] }

    /// Whether the processor asked for a commit. A test sets it to false before it looks again.
    public var isCommitRequested: Bool {
        get { task.commitRequested }
        set { task.commitRequested = newValue }
    }

    /// The records that the processor counted as discarded, by node and reason.
    public var drops: [DropKey: Int64] { task.drops }

    /// Where the current record came from, as the processor sees it.
    public var origin: RecordOrigin? {
        get { task.origin }
        set { task.origin = newValue }
    }

    /// The wall clock.
    public var now: Timestamp { task.now }
    /// The greatest timestamp of records so far. Stands still until it is advanced: `process` does not move it.
    public var streamTime: Timestamp { task.streamTime }

    /// What the processor scheduled and did not cancel. `fireIfDue(at:)` calls one of them.
    public var schedules: [Schedule] { task.schedules.filter { !$0.isCancelled } }

    /// Moves the wall clock, and calls back what is then due.
    /// - Throws: `ProcessingFailure` with what a callback threw.
    public func advanceWallClock(by duration: Duration) throws {
        task.time = task.time + duration
        try fire(.wallClock, at: task.now)
    }

    /// Moves stream time, and calls back what is then due.
    /// - Throws: `ProcessingFailure` with what a callback threw.
    public func advanceStreamTime(to time: Timestamp) throws {
        task.took(time)
        try fire(.streamTime, at: task.streamTime)
    }

    private func fire(_ clock: PunctuationClock, at time: Timestamp) throws {
        for schedule in task.schedules where schedule.clock == clock { _ = try schedule.fireIfDue(at: time) }
        task.removeCancelledSchedules()
    }
}
