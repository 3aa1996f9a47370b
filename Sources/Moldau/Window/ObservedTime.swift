import MoldauRecords
import MoldauTopology

/// The greatest time that reached a node or a store.
///
/// It is committed with the input offsets and found again after a restart: so which records are late does not depend on
/// restarts, and no window has two final results.
@usableFromInline final class ObservedTime {
    /// Which holds this.
    private unowned let task: TaskContext
    private let name: String
    /// −1: no record came yet.
    @exclusivity(unchecked) private var time: Int64 = -1

    /// - Parameter owner: tells it from others of the task; nil: the node's name does.
    init(_ context: NodeContext, of owner: String? = nil) {
        task = context.task
        name = "\(owner ?? context.node)-observed-time"
        // Weak: a task that is dropped without a close goes, with its stores' locks.
        task.beforeCommit(order: .max) { [weak self] in self?.note() }
    }

    private func note() { if time >= 0 { task.processorTimes[name] = time } }

    /// Takes note of a record's time.
    /// - Returns: the greatest time so far.
    @usableFromInline func observe(_ next: Timestamp) -> Int64 {
        // The times of the last run are not there yet when the node is made.
        if time < 0 { time = task.processorTimes[name] ?? -1 }
        time = max(time, next.ms)
        return time
    }
}
