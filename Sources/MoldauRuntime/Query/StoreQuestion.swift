import MoldauRecords
import MoldauState
import MoldauTopology

/// A query of one partition of a store, as its stream thread answers it.
package struct StoreQuestion<Answer: Sendable>: Sendable {
    let store: String
    let task: TaskID?
    let view: StoreView
    let options: QueryOptions
    let deadline: Duration
    let place: [UInt8]?
    let steps: Int
    let read: @Sendable (any StateStore) throws -> Answer

    /// - Parameters:
    ///   - task: nil for a global table.
    ///   - deadline: when the query times out.
    ///   - place: the place after which a scan continues.
    ///   - steps: how many rows a scan visits.
    package init(
        store: String, task: TaskID?, view: StoreView, options: QueryOptions, deadline: Duration,
        place: [UInt8]? = nil, steps: Int = .max, read: @escaping @Sendable (any StateStore) throws -> Answer
    ) {
        (self.store, self.task, self.view, self.options) = (store, task, view, options)
        (self.deadline, self.place, self.steps, self.read) = (deadline, place, steps, read)
    }

    /// Reads the store.
    /// - Returns: nil if the query must wait: for a commit, or for records.
    /// - Throws: `ThreadMailboxError.taskNotHere`, `QueryError`, `StateError`.
    package func answer(from contents: ThreadContents, now: Duration) throws -> QueryAnswer<Answer>? {
        guard let found = try find(in: contents) else { throw QueryError.unknownStore(store, known: []) }
        // An answer that may be outdated must have a lag that says so.
        if found.isCopy, !options.allowsStale || found.lag.isEmpty {
            throw QueryError.restoring(store: store, lag: found.lag.first)
        }
        let cache = (found.store as? any CacheBackedStore)?.cache
        let knowsCommitted = view == .newest || cache?.knowsCommittedValues ?? true
        let missing = options.atLeast.first { partition, offset in
            // A copy does not know its position.
            (found.inputs.contains(partition) || found.isCopy && partition.partition == task?.partition)
                && found.position[partition] ?? Offset(0) < offset
        }
        guard knowsCommitted, missing == nil else {
            if now < deadline { return nil }
            throw QueryError.timedOut(store: store, reason: Self.reason(missing, found.position))
        }
        let answer = try cache?.queried(view, after: place, steps: steps) { try read(found.store) } ?? read(found.store)
        return QueryAnswer(
            answer, position: found.isCopy ? [:] : found.position,
            age: found.seenAt.map { max(.zero, now - $0) } ?? .zero,
            lag: found.lag)
    }

    private func find(in contents: ThreadContents) throws(ThreadMailboxError) -> ThreadContents.QueriedStore? {
        guard let task else { return contents.globalStore(store, view) }
        return try contents.store(store, of: task, view)
    }

    private static func reason(_ missing: (TopicPartition, Offset)?, _ position: [TopicPartition: Offset]) -> String {
        guard let (partition, offset) = missing else { return "nothing was committed" }
        return
            "it contains \(partition) up to \(position[partition]?.description ?? "an unknown offset"), and \(offset) was "
            + "asked for"
    }
}
