import MoldauRecords
import MoldauTopology

/// A stream thread's account of its tasks, given for an explanation.
package struct ThreadAccount: Sendable {
    /// An input partition of a task.
    package struct Input: Sendable {
        package let partition: TopicPartition
        let node: String
        let taken: Int64
        /// Where reading started, the next offset to read, and the partition's end when it was last looked up.
        let start: Offset?
        package let position: Offset?
        package let end: Offset?
        /// The age of the next record; 0 if there is none; nil while it is unknown.
        package let lagMs: Int64?
        /// When reading started or records last arrived, by the wall clock.
        let lastNews: Timestamp
        /// The greatest timestamp of the records taken.
        let time: Timestamp
    }

    /// A task and its inputs.
    package struct Task: Sendable {
        package let id: TaskID
        let isRunning: Bool
        let hasUncommitted: Bool
        package let inputs: [Input]
        /// The partitions that block the records of others; the end of the wait by the monotonic clock.
        package let blocking: [(partition: TopicPartition, until: Duration?)]
        let held: [(node: String, records: HeldRecords)]

        init(_ task: StreamTask, now: RoundTime) throws {
            (id, isRunning, hasUncommitted) = (task.id, task.hasBegun, task.hasUncommitted)
            inputs = task.queues.map { queue in
                Input(
                    partition: queue.partition, node: queue.node, taken: Int64(queue.processedCount),
                    start: queue.start, position: queue.position, end: queue.end,
                    lagMs: queue.lagMs(at: now.wall), lastNews: queue.lastNews,
                    time: queue.partitionTime)
            }
            blocking = task.blocking(now: now.uptime)
            // Before the task has begun, its stores are incomplete.
            held =
                try !isRunning
                ? []
                : task.context.holders.compactMap { node, look in
                    try look().map { (node, $0) }
                }
        }
    }

    package let thread: String
    /// When the thread answered.
    let now: RoundTime
    package let tasks: [Task]
    let flow: RecordFlow
    /// Stores that are being restored, and global tables that are being read.
    let lags: [StoreLag]
    let shortage: Shortage?
    /// When the thread last committed, by the monotonic clock.
    let lastCommit: Duration

    /// Converts a time of the monotonic clock to the wall clock.
    func wall(_ uptime: Duration) -> Timestamp { now.wall - (now.uptime - uptime) }
}
