import MoldauRecords
import MoldauTopology

/// What a stream thread tells about its tasks when it is asked for an explanation.
package struct ThreadAccount: Sendable {
    /// An input partition of a task.
    package struct Input: Sendable {
        package let partition: TopicPartition
        let node: String
        let taken: Int64
        /// Where reading began, what is read next, and where the partition ended when it was last looked up.
        let start: Offset?
        package let position: Offset?
        package let end: Offset?
        /// The age of the next record; 0 if there is none; nil while that is unknown.
        package let lagMs: Int64?
        /// When reading began or records came last, by the wall clock.
        let lastNews: Timestamp
        /// The greatest time of the records that were taken.
        let time: Timestamp
    }

    /// A task and its inputs.
    package struct Task: Sendable {
        package let id: TaskID
        let isRunning: Bool
        let hasUncommitted: Bool
        package let inputs: [Input]
        /// The partitions that keep records of others waiting; the end of the wait by the monotonic clock.
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
            // The stores are not complete before.
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
    /// When the thread committed last, by the monotonic clock.
    let lastCommit: Duration

    /// When something was, that the monotonic clock tells, by the wall clock.
    func wall(_ uptime: Duration) -> Timestamp { now.wall - (now.uptime - uptime) }
}
