// The one order in which tasks are committed, by stream threads and by the test driver.
//
//          at least once                                   exactly once
//     0    deferred results go downstream: `settle`, as often as it takes, while no further records are taken
//     1    held changes go downstream
//     2    output is acknowledged                          –
//     3    each store's changes go to the outbox, for its changelog
//     4    changelogs are acknowledged                     all of it is handed to the producer
//     5    positions are committed                         one transaction: output, changelogs, positions
//     6    stores keep what they hold, up to the acknowledged ends of their changelogs, and are written behind when it is time
//     7    global tables are written behind, up to what is as durable as the cluster promises
//
// What holds, whichever step is the last one:
//
// - A position is committed when everything that the records before it led to is acknowledged, or together with it. So after a
//   crash no record is lost; at least once, some may be read twice.
// - At least once, a store's changes are sent after the output is acknowledged: a store may say that a result was sent (a window
//   that is over), and where that is durable and the result is not, nobody sends it again.
// - Stores write nothing behind that is not committed: until step 6 it is in their caches alone. So there is nothing to undo
//   after an abort.
// - A commit that throws before step 6 has committed nothing that a store knows of. Where the cluster had no room, it may be
//   called again: what was sent stays sent, and what was not is still in the outbox.

import MoldauCluster
import MoldauRecords
import MoldauTopology

/// Commits tasks together: their output, the changes of their stores, and their positions.
package struct TaskCommit {
    private let outbox: Outbox
    private let group: () -> GroupMetadata
    private let commitPositions: ([TopicPartition: CommittedOffset]) throws -> Void

    /// - Parameters:
    ///   - outbox: where the tasks put what they send; a transactional producer behind it makes it exactly once.
    ///   - group: whose positions transactions commit, and as which member; asked at each commit.
    ///   - commitPositions: stores the group's positions where no transaction does; returns when they are durable.
    package init(
        outbox: Outbox, group: @escaping () -> GroupMetadata,
        commitPositions: @escaping ([TopicPartition: CommittedOffset]) throws -> Void
    ) {
        (self.outbox, self.group, self.commitPositions) = (outbox, group, commitPositions)
    }

    /// Step 0, for all tasks in any case: each has held changes that may go.
    /// - Returns: whether everything that was taken has gone downstream: then `commit` may be called.
    package func settle(_ tasks: [StreamTask], now: RoundTime) throws -> Bool {
        try tasks.map { try $0.settle(now: now) }.allSatisfy { $0 }
    }

    /// Steps 1 to 7. Blocks until everything is as durable as the cluster promises.
    /// - Parameters:
    ///   - tasks: are settled.
    ///   - standbys: copies that are written behind with the tasks.
    ///   - writeBehind: writes all stores behind; else only those that are short of memory are.
    /// - Throws: `ClusterError.diskFull`, `StateError.noSpace` where there is no room: it may be called again.
    package func commit(
        _ tasks: [StreamTask], standbys: [StandbyTask] = [], globalTables: GlobalTables, now: RoundTime,
        writeBehind: Bool
    ) throws {
        for task in tasks { try task.prepareCommit(now: now) }
        if !(outbox.producer is any TransactionalProducer) { try outbox.flush() }
        for task in tasks { try task.sendChanges() }
        try commitPositions(of: tasks)
        for task in tasks { try task.committed(outbox.producer.acknowledgedEnd, writeBehind: writeBehind) }
        if writeBehind { for standby in standbys { try standby.writeBehind() } }
        // Their rows are read ahead of the disk, and a transaction without records makes nothing durable.
        if globalTables.hasNews { try outbox.producer.flush() }
        try globalTables.commit(writeBehind: writeBehind)
    }

    /// Steps 4 and 5.
    private func commitPositions(of tasks: [StreamTask]) throws {
        let positions = tasks.reduce(into: [:]) { positions, task in
            positions.merge(task.offsetsToCommit()) { $1 }
        }
        if let producer = outbox.producer as? any TransactionalProducer {
            guard try outbox.sendAll() else { throw outbox.spaceError }
            try producer.commit(positions, of: group())
        } else {
            try outbox.flush()
            if !positions.isEmpty { try commitPositions(positions) }
        }
    }
}
