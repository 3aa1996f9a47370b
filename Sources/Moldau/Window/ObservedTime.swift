import MoldauRecords
import MoldauTopology

/// The greatest timestamp that reached a node or a store.
///
/// It is committed with the input offsets and restored after a restart, so that restarts do not change which records
/// are late, and no window has two final results.
@usableFromInline final class ObservedTime {
    /// The owner of this object.
    private unowned let task: TaskContext
    private let name: String
    /// −1 before the first record.
    @exclusivity(unchecked) private var time: Int64 = -1

    /// - Parameter owner: distinguishes it from others of the task; nil uses the node's name.
    init(_ context: NodeContext, of owner: String? = nil) {
        task = context.task
        name = "\(owner ?? context.node)-observed-time"
        // Weak, so that a task that is dropped without being closed is freed, with its stores' locks.
        task.beforeCommit(order: .max) { [weak self] in self?.note() }
    }

    /// The greatest time so far; `.none` before the first record.
    var latest: Timestamp { Timestamp(ms: time < 0 ? task.processorTimes[name] ?? -1 : time) }

    private func note() { if time >= 0 { task.processorTimes[name] = time } }

    /// Takes a record's timestamp into account.
    /// - Returns: the greatest time so far.
    @usableFromInline func observe(_ next: Timestamp) -> Int64 {
        // The times of the last run have not been loaded yet when the node is made.
        if time < 0 { time = task.processorTimes[name] ?? -1 }
        time = max(time, next.ms)
        return time
    }
}
