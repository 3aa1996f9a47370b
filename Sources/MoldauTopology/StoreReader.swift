import MoldauRecords
import MoldauState

/// Gives access to the stores that a node names, and to those of global tables.
///
/// Every look-up throws `TopologyError.storeNotConnected`, `.unknownStore` or `.wrongType`.
public protocol StoreReader {
    var node: NodeContext { get }
}

extension StoreReader {
    /// A store that the node names in `stores`.
    public func store<StoreKey, StoreValue>(
        _ name: KeyValueStoreName<StoreKey, StoreValue>
    ) throws -> KeyValueStore<StoreKey, StoreValue> { try node.store(named: name.name) }

    /// A store of values with timestamps, such as a table's.
    public func timestampedStore<StoreKey, StoreValue>(
        _ name: KeyValueStoreName<StoreKey, StoreValue>
    ) throws -> TimestampedKeyValueStore<StoreKey, StoreValue> { try node.store(named: name.name) }

    /// A store of the keys that were used last.
    public func lruStore<StoreKey, StoreValue>(
        _ name: KeyValueStoreName<StoreKey, StoreValue>
    ) throws -> LRUKeyValueStore<StoreKey, StoreValue> { try node.store(named: name.name) }

    /// A store of values with timestamps and headers.
    public func headersStore<StoreKey, StoreValue>(
        _ name: KeyValueStoreName<StoreKey, StoreValue>
    ) throws -> HeadersKeyValueStore<StoreKey, StoreValue> { try node.store(named: name.name) }

    /// A store of windows with timestamps and headers.
    public func headersStore<StoreKey, StoreValue>(
        _ name: WindowStoreName<StoreKey, StoreValue>
    ) throws -> HeadersWindowStore<StoreKey, StoreValue> { try node.store(named: name.name) }

    /// A table's store of the rows that were used last.
    public func timestampedLRUStore<StoreKey, StoreValue>(
        _ name: KeyValueStoreName<StoreKey, StoreValue>
    ) throws -> LRUKeyValueStore<StoreKey, ValueAndTimestamp<StoreValue>> { try node.store(named: name.name) }

    /// A store of windows that the node names in `stores`.
    public func store<StoreKey, StoreValue>(
        _ name: WindowStoreName<StoreKey, StoreValue>
    ) throws -> WindowStore<StoreKey, StoreValue> { try node.store(named: name.name) }

    /// A store of windows with timestamps, such as a windowed table's.
    public func timestampedStore<StoreKey, StoreValue>(
        _ name: WindowStoreName<StoreKey, StoreValue>
    ) throws -> TimestampedWindowStore<StoreKey, StoreValue> { try node.store(named: name.name) }

    /// A store of sessions that the node names in `stores`.
    public func store<StoreKey, StoreValue>(
        _ name: SessionStoreName<StoreKey, StoreValue>
    ) throws -> SessionStore<StoreKey, StoreValue> { try node.store(named: name.name) }
}

/// What a table's stateful transformation may use. Valid on the task's thread.
public struct TransformationContext: StoreReader {
    public let node: NodeContext

    /// Made by the node that runs the transformation.
    public init(_ node: NodeContext) { self.node = node }

    /// Which task the transformation belongs to.
    public var taskID: TaskID { node.task.taskID }
    /// The greatest timestamp of the records that the task has taken so far.
    public var streamTime: Timestamp { node.task.streamTime }
    /// The wall clock, as the stream thread read it for this round.
    public var now: Timestamp { node.task.now }
}
