import MoldauTopology

/// How many records went through the nodes of some tasks. Counted during processing; summed up on request.
package struct RecordFlow: Sendable {
    /// The records that nodes passed on to all children, and to single ones by their names. Missing for a node that
    /// passes on everything that it does not drop.
    private(set) var passed: [String: (toAll: Int64, to: [String: Int64])] = [:]
    /// The records that sources read and could decode.
    var taken: [String: Int64] = [:]
    private(set) var drops: [DropKey: DropTally] = [:]

    /// Adds the counts of a task.
    mutating func add(_ task: StreamTask) {
        for (node, counts) in task.passed {
            for (child, count) in counts {
                if let child {
                    passed[node, default: (0, [:])].to[child, default: 0] += count.value
                } else {
                    passed[node, default: (0, [:])].toAll += count.value
                }
            }
        }
        for queue in task.queues { taken[queue.node, default: 0] += Int64(queue.processedCount) }
        add(task.context.drops)
    }

    /// Adds dropped records.
    mutating func add(_ tallies: [DropKey: DropTally]) {
        for (key, tally) in tallies { drops[key, default: DropTally()].add(tally) }
    }

    /// Adds the counts of other tasks.
    mutating func add(_ other: RecordFlow) {
        for (node, counts) in other.passed {
            passed[node, default: (0, [:])].toAll += counts.toAll
            passed[node, default: (0, [:])].to.merge(counts.to, uniquingKeysWith: +)
        }
        taken.merge(other.taken, uniquingKeysWith: +)
        add(other.drops)
    }
}
