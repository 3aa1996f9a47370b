import MoldauRecords
import MoldauTopology

/// The node of one stream of a cogroup, with its value type erased: an inlet for each kind of aggregation.
protocol CogroupInlets<Key, Result>: Sendable {
    associatedtype Key
    associatedtype Result

    func plain(
        _ context: NodeContext, store: String, _ initial: @escaping @Sendable () throws -> Result,
        _ changes: ChangeForwarder<Key, Result>, isHolding: Bool
    ) throws -> Any

    func windowed(
        _ context: NodeContext, store: String, _ memory: WindowMemory, _ windows: TimeWindows,
        _ initial: @escaping @Sendable () throws -> Result, _ changes: ChangeForwarder<Windowed<Key>, Result>,
        isHolding: Bool
    ) throws -> Any

    func sessions(
        _ context: NodeContext, store: String, _ memory: WindowMemory, _ windows: SessionWindows,
        _ initial: @escaping @Sendable () throws -> Result,
        merging merge: @escaping @Sendable (Result, Key, Result) throws -> Result?,
        _ changes: ChangeForwarder<Windowed<Key>, Result>, isHolding: Bool
    ) throws -> Any
}

/// A stream of a cogroup with its value type.
struct CogroupFold<Key, Value, Result>: CogroupInlets {
    let fold: Fold<Key, Value, Result>
    let key: Serde<Key>
    let value: Serde<Value>

    private func fold(from initial: @escaping @Sendable () throws -> Result) -> Fold<Key, Value, Result> {
        Fold(initial: initial, next: fold.next)
    }

    func plain(
        _ context: NodeContext, store: String, _ initial: @escaping @Sendable () throws -> Result,
        _ changes: ChangeForwarder<Key, Result>, isHolding: Bool
    ) throws -> Any {
        try fold(from: initial).inlet(
            context, store: store, key: key, value: value, changes, reportsInitial: !isHolding)
    }

    func windowed(
        _ context: NodeContext, store: String, _ memory: WindowMemory, _ windows: TimeWindows,
        _ initial: @escaping @Sendable () throws -> Result, _ changes: ChangeForwarder<Windowed<Key>, Result>,
        isHolding: Bool
    ) throws -> Any {
        try WindowAggregation(
            fold: fold(from: initial),
            settings: WindowSettings(windows: windows, emit: .onWindowUpdate, store: store, memory: memory),
            key: key, value: value
        ).inlet(context, changes, reportsInitial: !isHolding)
    }

    func sessions(
        _ context: NodeContext, store: String, _ memory: WindowMemory, _ windows: SessionWindows,
        _ initial: @escaping @Sendable () throws -> Result,
        merging merge: @escaping @Sendable (Result, Key, Result) throws -> Result?,
        _ changes: ChangeForwarder<Windowed<Key>, Result>, isHolding: Bool
    ) throws -> Any {
        try SessionAggregation(
            fold: fold(from: initial), merge: merge, windows: windows, emit: .onWindowUpdate, store: store,
            memory: memory, key: key
        ).inlet(context, changes, reportsOld: isHolding)
    }
}
