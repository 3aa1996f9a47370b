import MoldauRecords
import MoldauState

/// A user's own node: sees every record, may keep state in stores, forward any number of records and be called back in time.
///
/// One instance per task, used by one thread. `process` runs synchronously; what it throws goes to the processing handler.
public protocol Processor<KeyIn, ValueIn, KeyOut, ValueOut>: AnyObject {
    associatedtype KeyIn
    associatedtype ValueIn
    associatedtype KeyOut
    associatedtype ValueOut

    /// Stores of the processor's own: whoever adds it to a topology adds them, and need not name them. In the DSL the nodes of
    /// one class share them.
    static var stores: [StoreDefinition] { get }

    /// Called once before the first record. Keep the context; look up stores here.
    func start(_ context: ProcessorContext<KeyOut, ValueOut>) throws
    func process(_ record: Record<KeyIn, ValueIn>) throws
    /// Called once when the task ends, also after an error.
    func close() throws
}

extension Processor {
    public static var stores: [StoreDefinition] { [] }
    public func start(_ context: ProcessorContext<KeyOut, ValueOut>) throws {}
    public func close() throws {}
}

/// What a processor may do. Valid on the task's thread, until `close`.
public final class ProcessorContext<Key, Value>: StoreReader {
    public let node: NodeContext
    private let forwardToAll: Inlet<Key, Value>.Receive

    public init(_ node: NodeContext) throws {
        self.node = node
        forwardToAll = try node.next(Key.self, Value.self).receive
    }

    public var applicationID: String { node.task.applicationID }
    public var taskID: TaskID { node.task.taskID }
    /// Where the current record came from; nil in punctuations.
    public var origin: RecordOrigin? { node.task.origin }
    public var streamTime: Timestamp { node.task.streamTime }
    /// The wall clock, as the stream thread read it for this round.
    public var now: Timestamp { node.task.now }

    /// Hands the record to all nodes downstream, depth first; returns when they are done with it.
    public func forward(_ record: Record<Key, Value>) throws {
        try check(record)
        try forwardToAll(record)
    }

    /// Hands the record to the one node downstream of that name.
    public func forward(_ record: Record<Key, Value>, to child: String) throws {
        try check(record)
        try node.child(named: child, Key.self, Value.self).receive(record)
    }

    @inline(__always)
    private func check(_ record: borrowing Record<Key, Value>) throws {
        if record.timestamp.ms >= 0 { return }
        throw TopologyError.invalidSetting(
            name: node.node, reason: "a forwarded record's timestamp must not be negative")
    }

    /// Calls back in steps of stream time or of wall-clock time; forwarded records need a timestamp of their own there.
    @discardableResult
    public func schedule(
        every interval: Duration, _ clock: PunctuationClock, _ punctuate: @escaping (Timestamp) throws -> Void
    ) throws -> Schedule {
        try node.schedule(every: interval, clock, punctuate)
    }

    /// Asks for a commit at the next chance.
    public func commit() { node.task.commitRequested = true }
}
