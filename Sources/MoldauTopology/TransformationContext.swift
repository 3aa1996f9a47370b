import MoldauRecords
import MoldauState

/// What a table's stateful transformation may use. Valid on the task's thread.
public struct TransformationContext {
    package let node: NodeContext

    /// Made by the node that runs the transformation.
    package init(_ node: NodeContext) { self.node = node }

    /// A store that the transformation names, or that of a global table; the name's type determines the store's.
    /// - Throws: `TopologyError.storeNotConnected`, `.unknownStore`, `.wrongType`.
    public func store<Name: StoreName>(_ name: Name) throws -> Name.Store { try node.store(named: name.name) }

    /// The task of the transformation.
    public var taskID: TaskID { node.task.taskID }
    /// The greatest timestamp of the records that the task has taken so far.
    public var streamTime: Timestamp { node.task.streamTime }
    /// The wall clock, as the stream thread read it for this round.
    public var now: Timestamp { node.task.now }
}
