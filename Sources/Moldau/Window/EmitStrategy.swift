import MoldauRecords
import MoldauState
import MoldauTopology

/// When the results of a windowed aggregation are emitted.
public enum EmitStrategy: Sendable, Hashable {
    /// On every change of a window.
    case onWindowUpdate
    /// Once per window, when it closes: when stream time has passed its end and the grace period. Windows are emitted
    /// in the order of their times, at most once a second of real time, while records arrive.
    case onWindowClose
}

/// Finds the windows that have closed since the last call. Belongs to a task; its time is committed with the input
/// offsets.
@usableFromInline final class WindowCloser {
    private let task: TaskContext
    private let store: String
    private let segments: SegmentedStore
    /// The difference between the time under which a window is stored and the stream time at which it closes.
    private let closingMs: Int64
    private var nextEmit = Duration.zero

    init(_ context: NodeContext, _ segments: SegmentedStore, closingMs: Int64) {
        task = context.task
        store = segments.cache.name
        self.segments = segments
        self.closingMs = closingMs
        segments.keptFrom = 0
    }

    /// After a change from `.onWindowClose` to `.onWindowUpdate`: windows stored from this time on have never been
    /// emitted. nil if there was no such change, and from the second call on.
    static func unsentTime(of store: String, in task: TaskContext, closingMs: Int64) -> Timestamp? {
        task.processorTimes.removeValue(forKey: store).map { unsentTime(after: $0, closingMs) }
    }

    /// - Parameter last: the stream time less grace up to which windows were emitted.
    private static func unsentTime(after last: Int64, _ closingMs: Int64) -> Timestamp {
        Timestamp(ms: max(0, last.subtractingCapped(closingMs).addingCapped(1)))
    }

    /// Windows that are stored from this time on have not been emitted.
    var unsentFrom: Timestamp {
        task.processorTimes[store].map { Self.unsentTime(after: $0, closingMs) } ?? Timestamp(ms: 0)
    }

    /// Calls `emit` with the range of times of the windows that have closed, if the next search is due.
    /// - Parameter closeTime: stream time minus the grace period.
    func closed(at closeTime: Int64, _ emit: (ClosedRange<Int64>) throws -> Void) rethrows {
        guard task.time.uptime >= nextEmit else { return }
        nextEmit = task.time.uptime + task.closedWindowSearchInterval
        let last = task.processorTimes[store]
        let end = closeTime.subtractingCapped(closingMs)
        guard last.map({ $0 < closeTime }) ?? true, end >= 0 else { return }
        let first = unsentFrom.ms
        if first <= end { try task.onBehalf(of: task.origin) { try emit(first...end) } }
        segments.keptFrom = end.addingCapped(1)
        task.processorTimes[store] = closeTime
    }
}
