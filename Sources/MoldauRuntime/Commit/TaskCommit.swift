// The one order in which tasks are committed, by stream threads and by the test driver.
//
//          at least once                                   exactly once
//     0    deferred results go downstream, as often as it takes, while no further records are taken
//     1    held changes go downstream
//     2    output is acknowledged                          –
//     3    each store's changes go to the outbox, for its changelog
//     4    changelogs are acknowledged                     all of it is passed to the producer
//     5    positions are committed                         one transaction: output, changelogs, positions
//     6    stores keep their changes, up to the acknowledged ends of their changelogs, and are written behind if due
//     7    global tables are written behind, up to what is as durable as the cluster promises
//
// Guarantees, whichever step is the last one that runs:
//
// - A position is committed after or together with all results of the records before it. So a crash loses no record;
//   with at-least-once, some may be read twice.
// - With at-least-once, a store's changes are sent after the output is acknowledged: a store may record that a result
//   was sent (that a window is over), and if that were durable and the result were not, the result would never be sent
//   again.
// - Stores write nothing behind that is not committed: until step 6 it is only in their caches. So an abort has nothing
//   to undo.
// - A commit that throws before step 6 has committed nothing to any store. If the cluster had no space, it may be
//   called again: what was sent stays sent, and the rest is still in the outbox.

import MoldauCluster
import MoldauRecords
import MoldauTopology

/// Commits tasks together: their output, the changes of their stores, and their positions.
package struct TaskCommit {
    private let outbox: Outbox
    private let group: () -> GroupMetadata
    private let commitPositions: ([TopicPartition: CommittedOffset]) throws -> Void

    /// - Parameters:
    ///   - outbox: collects the tasks' output; with a transactional producer commits are exactly-once.
    ///   - group: the group whose positions transactions commit, and the member that commits; called for each commit.
    ///   - commitPositions: stores the group's positions if no transaction does; returns when they are durable.
    package init(
        outbox: Outbox, group: @escaping () -> GroupMetadata,
        commitPositions: @escaping ([TopicPartition: CommittedOffset]) throws -> Void
    ) {
        (self.outbox, self.group, self.commitPositions) = (outbox, group, commitPositions)
    }

    /// Step 0, called for every task: each may have held changes to forward.
    /// - Returns: whether all results have gone downstream: then `commit` does something.
    package func settle(_ tasks: [StreamTask], now: RoundTime) throws -> Bool {
        let areSettled = try tasks.map { try $0.settle(now: now) }.allSatisfy { $0 }
        try check(tasks)
        return areSettled
    }

    /// - Throws: an error that user code may have caught: the cluster's in this round, or a store's.
    func check(_ tasks: [StreamTask]) throws {
        try outbox.check()
        for task in tasks { try task.checkStores() }
    }

    /// Steps 0 to 7. Blocks until everything is as durable as the cluster promises.
    /// - Parameters:
    ///   - standbys: standby copies that are written behind together with the tasks.
    ///   - writeBehind: writes all stores behind; otherwise only those that are short of memory.
    /// - Returns: false if some results have not gone downstream: nothing is committed.
    /// - Throws: `ClusterError.diskFull`, `StateError.noSpace` if there is no space: it may be called again.
    package func commit(
        _ tasks: [StreamTask], standbys: [StandbyTask] = [], globalTables: GlobalTables, now: RoundTime,
        writeBehind: Bool
    ) throws -> Bool {
        guard try settle(tasks, now: now) else { return false }
        for task in tasks { try task.prepareCommit(now: now) }
        try check(tasks)
        if !(outbox.producer is any TransactionalProducer) { try outbox.flush() }
        for task in tasks { try task.sendChanges() }
        try commitPositions(of: tasks)
        for task in tasks { try task.committed(outbox.producer.acknowledgedEnd, writeBehind: writeBehind) }
        if writeBehind { for standby in standbys { try standby.writeBehind() } }
        // Global tables apply rows before they are durable, and a transaction without records would not make them
        // durable.
        if globalTables.hasNews { try outbox.producer.flush() }
        try globalTables.commit(writeBehind: writeBehind)
        return true
    }

    /// Steps 4 and 5.
    private func commitPositions(of tasks: [StreamTask]) throws {
        var positions = tasks.reduce(into: [:]) { positions, task in
            positions.merge(task.offsetsToCommit()) { $1 }
        }
        if let producer = outbox.producer as? any TransactionalProducer {
            guard try outbox.sendAll() else { throw outbox.spaceError }
            // For the results of punctuations, for example. A process that was removed from the group must not commit
            // them.
            if positions.isEmpty, producer.asksForMember, let task = tasks.first {
                positions = task.offsetsToCommit(all: true)
            }
            try producer.commit(positions, of: group())
        } else {
            try outbox.flush()
            if !positions.isEmpty { try commitPositions(positions) }
        }
    }
}
