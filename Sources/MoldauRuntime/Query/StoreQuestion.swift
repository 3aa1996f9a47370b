import MoldauRecords
import MoldauState
import MoldauTopology

/// A query of one partition of a store, as its stream thread answers it.
struct StoreQuestion<Answer: Sendable>: Sendable {
    let store: String
    /// nil for a global table.
    let task: TaskID?
    let view: StoreView
    let options: QueryOptions
    /// When the question is to be given up.
    let deadline: Duration
    /// The place behind which a scan goes on.
    let place: [UInt8]?
    let read: @Sendable (any StateStore) throws -> Answer

    /// Reads the store.
    /// - Returns: nil if that has to wait: for a commit, or for records.
    /// - Throws: `ThreadMailboxError.taskNotHere`, `QueryError`, `StateError`.
    func answer(from contents: ThreadContents, now: Duration) throws -> QueryAnswer<Answer>? {
        guard let found = try find(in: contents) else { throw QueryError.unknownStore(store, known: []) }
        if found.isCopy, !options.allowsStale { throw QueryError.restoring(store: store, lag: found.lag) }
        let cache = (found.store as? any CacheBackedStore)?.cache
        let knowsCommitted = view == .newest || cache?.knowsCommittedValues ?? true
        let missing = options.atLeast.first { partition, offset in
            found.inputs.contains(partition) && found.position[partition] ?? Offset(0) < offset
        }
        guard knowsCommitted, missing == nil else {
            if now < deadline { return nil }
            throw QueryError.timedOut(store: store, reason: Self.reason(missing, found.position))
        }
        let answer = try cache?.queried(view, after: place) { try read(found.store) } ?? read(found.store)
        return QueryAnswer(
            answer, position: found.isCopy ? [:] : found.position,
            age: found.seenAt.map { max(.zero, now - $0) } ?? .zero,
            lag: found.lag.map { [$0] } ?? [])
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
