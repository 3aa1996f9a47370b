import MoldauRecords
import MoldauState

/// A node with custom code: it sees every record, may keep state in stores, forward any number of records, and schedule
/// callbacks.
///
/// There is one instance per task, used by one thread. `process` runs synchronously; an error that it throws goes to
/// the processing handler.
public protocol Processor<KeyIn, ValueIn, KeyOut, ValueOut>: AnyObject {
    /// The keys of the records that it gets.
    associatedtype KeyIn
    /// The values of the records that it gets.
    associatedtype ValueIn
    /// The keys of the records that it forwards.
    associatedtype KeyOut
    /// The values of the records that it forwards.
    associatedtype ValueOut

    /// The processor's own stores. They are added to a topology together with the processor and need not be named
    /// there. In the DSL, all nodes with the same processor class share them.
    static var storeDefinitions: [StoreDefinition] { get }

    /// Called once before the first record. Keep the context, and look up stores here.
    func start(_ context: ProcessorContext<KeyOut, ValueOut>) throws
    /// Called for each record. What it forwards through the context goes to the nodes below before `forward` returns.
    func process(_ record: Record<KeyIn, ValueIn>) throws
    /// Called once when the task ends, even after an error.
    func close() throws
}

extension Processor {
    public static var storeDefinitions: [StoreDefinition] { [] }
    public func start(_ context: ProcessorContext<KeyOut, ValueOut>) throws {}
    public func close() throws {}
}

/// What a processor may use and do. Valid on the task's thread, until `close`.
public final class ProcessorContext<Key, Value> {
    package let node: NodeContext
    private let forwardToAll: Inlet<Key, Value>.Receive
    private let passed: PassedCount

    /// Made by the node that runs the processor.
    package init(_ node: NodeContext) throws {
        self.node = node
        forwardToAll = try node.next(Key.self, Value.self).receive
        passed = node.counting()
    }

    /// The id of the application.
    public var applicationID: String { node.task.applicationID }
    /// The task of the processor.
    public var taskID: TaskID { node.task.taskID }
    /// Where the current record came from; nil in punctuations.
    public var origin: RecordOrigin? { node.task.origin }
    /// The greatest timestamp of the records that the task has taken so far.
    public var streamTime: Timestamp { node.task.streamTime }
    /// The wall clock, as the stream thread read it for this round.
    public var now: Timestamp { node.task.now }

    /// A store that the processor names, or that of a global table, as the type that its name has.
    /// - Throws: `TopologyError.storeNotConnected`, `.unknownStore`, `.wrongType`.
    public func store<Name: StoreName>(_ name: Name) throws -> Name.Store { try node.store(named: name.name) }

    /// Passes the record to all nodes downstream, depth first; returns when they have finished with it.
    /// - Throws: `TopologyError` for a negative timestamp; errors of those nodes.
    public func forward(_ record: Record<Key, Value>) throws {
        try check(record)
        passed.add()
        try forwardToAll(record)
    }

    /// Passes the record to the one node downstream with that name.
    /// - Throws: `TopologyError` for a negative timestamp, or if there is no such node; errors of that node.
    public func forward(_ record: Record<Key, Value>, to child: String) throws {
        try check(record)
        let next = try node.child(named: child, Key.self, Value.self)
        node.counting(for: child).add()
        try next.receive(record)
    }

    @inline(__always)
    private func check(_ record: borrowing Record<Key, Value>) throws {
        if record.timestamp.ms >= 0 { return }
        throw TopologyError.invalidSetting(
            name: node.node, reason: "a forwarded record's timestamp must not be negative")
    }

    /// Calls back at intervals of stream time or wall-clock time; records forwarded there need a timestamp of their
    /// own.
    /// - Throws: `TopologyError.invalidSetting` for an interval of less than a millisecond, and in the processor of a
    ///   global store.
    @discardableResult
    public func schedule(
        every interval: Duration, _ clock: PunctuationClock, _ punctuate: @escaping (Timestamp) throws -> Void
    ) throws -> Schedule {
        try node.schedule(every: interval, clock, punctuate)
    }

    /// Requests a commit as soon as possible.
    public func commit() { node.task.commitRequested = true }
}
