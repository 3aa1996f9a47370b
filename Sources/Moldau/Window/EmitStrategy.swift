import MoldauRecords
import MoldauState
import MoldauTopology

/// When the results of a windowed aggregation go downstream.
public enum EmitStrategy: Sendable, Hashable {
    /// With each change of a window.
    case onWindowUpdate
    /// Once per window, when it is closed: stream time passed its end and the grace. Windows go in the order of their
    /// times; at most once a second of real time, while records come.
    case onWindowClose
}

/// Tells which windows have closed since it was last asked. A task's; its time is committed with the input offsets.
@usableFromInline final class WindowCloser {
    private let task: TaskContext
    private let store: String
    private let segments: SegmentedStore
    /// From the time by which windows are stored to the stream time at which they close.
    private let closingMs: Int64
    private var nextEmit = Duration.zero

    init(_ context: NodeContext, _ segments: SegmentedStore, closingMs: Int64) {
        task = context.task
        store = segments.cache.name
        self.segments = segments
        self.closingMs = closingMs
        segments.keptFrom = 0
    }

    /// From which time on windows were not sent when each change goes downstream now, and they went when they closed before: their
    /// changes are known to nobody. Says it once.
    static func unsentTime(of store: String, in task: TaskContext, closingMs: Int64) -> Timestamp? {
        guard let last = task.processorTimes.removeValue(forKey: store) else { return nil }
        return Timestamp(ms: max(0, last.subtractingCapped(closingMs).addingCapped(1)))
    }

    /// Calls `emit` with the times of the windows that have closed, if it is time to.
    /// - Parameter closeTime: stream time less the grace.
    func closed(at closeTime: Int64, _ emit: (ClosedRange<Int64>) throws -> Void) rethrows {
        guard task.time.uptime >= nextEmit else { return }
        nextEmit = task.time.uptime + task.closedWindowSearchInterval
        let last = task.processorTimes[store]
        let end = closeTime.subtractingCapped(closingMs)
        guard last.map({ $0 < closeTime }) ?? true, end >= 0 else { return }
        let first = last.map { max(0, $0.subtractingCapped(closingMs).addingCapped(1)) } ?? 0
        if first <= end { try task.onBehalf(of: task.origin) { try emit(first...end) } }
        segments.keptFrom = end.addingCapped(1)
        task.processorTimes[store] = closeTime
    }
}
