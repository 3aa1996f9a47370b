import MoldauRecords
import MoldauRuntime
import MoldauState

/// The content of a store as queries see it.
struct SeenStore: Equatable {
    let committed: [[UInt8]: [UInt8]]
    let newest: [[UInt8]: [UInt8]]
    /// Rows below this key have expired: the next write-behind deletes them. It follows a commit, but waits if the disk
    /// is full.
    let dropBelow: [UInt8]

    /// Whether the committed values of a later look are the same, apart from expired rows that have been deleted.
    func agrees(with later: SeenStore) -> Bool {
        later.committed
            == committed.filter { key, _ in
                !key.lexicographicallyPrecedes(dropBelow) || later.committed[key] != nil
            }
    }
}

/// A thread between two steps.
struct SeenThread: Equatable {
    let commits: Int64
    let held: TaskSet
}

extension SimulatedProcess {
    func seenThread(_ number: Int) -> SeenThread? {
        threads[number].map { SeenThread(commits: $0.report.commits, held: $0.held) }
    }

    /// Reads the stores of a thread's tasks as queries do.
    /// - Parameter before: the thread before its last step.
    /// - Returns: complaints, unless committed values change only with commits, and are the newest ones right after a
    ///   commit.
    func lookAsQuery(at number: Int, since before: SeenThread?) throws -> [String] {
        let seen = try seenStores(of: number)
        defer { seenStores[number] = seen }
        guard let before, let now = seenThread(number) else { return [] }
        return seen.sorted(on: \.key).flatMap { name, store in
            var complaints: [String] = []
            // When tasks are released, the commit is at the beginning of a step.
            if now.commits > before.commits, now.held == before.held, store.committed != store.newest {
                complaints.append("after a commit, a query of \(name) sees other values than were committed")
            }
            if now.commits == before.commits, let last = seenStores[number]?[name], !last.agrees(with: store) {
                complaints.append("without a commit, a query of \(name) sees other committed values than before")
            }
            return complaints
        }
    }

    func forgetSeen(_ number: Int) { seenStores[number] = nil }

    private func seenStores(of number: Int) throws -> [String: SeenStore] {
        guard let thread = threads[number] else { return [:] }
        var seen: [String: SeenStore] = [:]
        for task in thread.tasks where task.hasBegun {
            for entry in task.stores.entries {
                guard let cache = (entry.store as? any CacheBackedStore)?.cache, cache.knowsCommittedValues else {
                    continue
                }
                seen["\(task.id)/\(cache.name)"] = SeenStore(
                    committed: try entry.store.rows(nil, mistake == .uncommittedShown ? .newest : .committed),
                    newest: try entry.store.rows(nil, .newest), dropBelow: cache.dropBelow ?? [])
            }
        }
        return seen
    }
}
