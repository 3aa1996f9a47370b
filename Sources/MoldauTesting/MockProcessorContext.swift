import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology

/// Tests one processor without a topology: start it with the `context`, pass it records, and check what it did.
///
/// ```swift
/// let mock = try MockProcessorContext<String, String>(storeDefinitions: Numbered.storeDefinitions)
/// let processor = Numbered()
/// try processor.start(mock.context)
/// try processor.process(Record(key: "ada", value: "/home", timestamp: Timestamp(ms: 0)))
/// #expect(mock.forwarded.map(\.value) == ["1 /home"])
/// ```
/// `Key` and `Value` are the types that the processor forwards. A test reads its stores with `mock.store(…)`.
public final class MockProcessorContext<Key, Value> {
    /// The context to start the processor with.
    public let context: ProcessorContext<Key, Value>
    private let task: TaskContext
    private let environment: StoreEnvironment
    private let stores: [any StateStore]
    private let sent: Sent

    /// The forwarded records, by the node that got them.
    private final class Sent { var records: [String: [Record<Key, Value>]] = [:] }
    /// Stands for all nodes downstream.
    private static var everyone: String { "" }

    /// - Parameters:
    ///   - storeDefinitions: the stores that the processor looks up; they are in memory.
    ///   - children: the names of nodes downstream, for a processor that forwards to some of them by name.
    ///   - applicationID: what the context says about the application.
    ///   - taskID: what the context says about the task.
    ///   - wallClock: the initial time of the clock.
    /// - Throws: errors of opening a store.
    public init(
        storeDefinitions: [StoreDefinition] = [], children: [String] = [], applicationID: String = "test",
        taskID: TaskID = TaskID(subtopology: 0, partition: Partition(0)), wallClock: Timestamp = Timestamp(ms: 0)
    ) throws {
        let outbox = Outbox(
            names: InternalTopicNames(applicationID: applicationID, topology: Topology()),
            producer: CapturingProducer(), configuration: StreamsConfiguration())
        let (task, sent) = (
            TaskContext(applicationID: applicationID, taskID: taskID, outbox: outbox, now: RoundTime(wallClock)), Sent()
        )
        environment = try OpenStateLocation(.memory).environment("\(taskID)")
        self.stores = try storeDefinitions.map { [environment] in try $0.open(in: environment) }
        for store in self.stores { task.add(store) }
        context = try ProcessorContext(
            NodeContext(
                node: "processor", task: task,
                children: ([Self.everyone] + children).map { name in
                    (name, Inlet<Key, Value> { sent.records[name, default: []].append($0) })
                },
                stores: Set(stores.map(\.name)), storeOrder: [:]))
        (self.task, self.sent) = (task, sent)
    }

    deinit {
        try? task.closeNodes()
        for store in stores { try? store.close() }
        environment.close()
    }

    /// A store of the processor; the name's type determines the store's.
    /// - Throws: `TopologyError.storeNotConnected`, `.wrongType`.
    public func store<Name: StoreName>(_ name: Name) throws -> Name.Store { try context.store(name) }

    /// The records forwarded to all nodes downstream, in order.
    public var forwarded: [Record<Key, Value>] { sent.records[Self.everyone] ?? [] }

    /// The records that the node with that name got, whether forwarded to it alone or to all, in order.
    public func forwarded(to child: String) -> [Record<Key, Value>] { sent.records[child] ?? [] }

    /// Forgets the forwarded records.
    public func resetForwarded() { sent.records = [:] }

    /// Whether the processor requested a commit. Set it to false to check again.
    public var isCommitRequested: Bool {
        get { task.commitRequested }
        set { task.commitRequested = newValue }
    }

    /// The records that the processor dropped, by node and reason.
    public var drops: [DropKey: Int64] { task.drops.mapValues(\.count) }

    /// The origin of the current record, as the processor sees it.
    public var origin: RecordOrigin? {
        get { task.origin }
        set { task.origin = newValue }
    }

    /// The wall clock.
    public var now: Timestamp { task.now }
    /// The stream time. It changes only by `advanceStreamTime`: `process` does not advance it.
    public var streamTime: Timestamp { task.streamTime }

    /// The punctuations that the processor scheduled and did not cancel. `fire(_:)` fires a single one.
    public var schedules: [Schedule] { task.schedules.filter { !$0.isCancelled } }

    /// Advances the wall clock, and calls the punctuations that are then due.
    /// - Throws: `ProcessingFailure` with the error of a callback.
    public func advanceWallClock(by duration: Duration) throws {
        task.time = task.time + duration
        try fire(.wallClock, at: task.now)
    }

    /// Advances stream time, and calls the punctuations that are then due.
    /// - Throws: `ProcessingFailure` with the error of a callback.
    public func advanceStreamTime(to time: Timestamp) throws {
        task.took(time)
        try fire(.streamTime, at: task.streamTime)
    }

    /// Calls a single punctuation if it is due by its clock.
    /// - Returns: whether it was called.
    /// - Throws: `ProcessingFailure` with the error of the callback.
    public func fire(_ schedule: Schedule) throws -> Bool {
        try schedule.fireIfDue(at: schedule.clock == .wallClock ? task.now : task.streamTime)
    }

    private func fire(_ clock: PunctuationClock, at time: Timestamp) throws {
        for schedule in task.schedules where schedule.clock == clock { _ = try schedule.fireIfDue(at: time) }
        task.removeCancelledSchedules()
    }
}
