import MoldauRecords
import MoldauState

/// Gives access to the stores that a node names, and to those of global tables.
///
/// A look-up throws `TopologyError.storeNotConnected`, `.unknownStore` or `.wrongType`.
public protocol StoreReader {
    var node: NodeContext { get }
}

extension StoreReader {
    /// A store that the node names in `stores`, or that of a global table; the name's type determines the store's.
    public func store<Name: StoreName>(_ name: Name) throws -> Name.Store { try node.store(named: name.name) }
}

/// What a table's stateful transformation may use. Valid on the task's thread.
public struct TransformationContext: StoreReader {
    public let node: NodeContext

    /// Made by the node that runs the transformation.
    public init(_ node: NodeContext) { self.node = node }

    /// The task of the transformation.
    public var taskID: TaskID { node.task.taskID }
    /// The greatest timestamp of the records that the task has taken so far.
    public var streamTime: Timestamp { node.task.streamTime }
    /// The wall clock, as the stream thread read it for this round.
    public var now: Timestamp { node.task.now }
}
