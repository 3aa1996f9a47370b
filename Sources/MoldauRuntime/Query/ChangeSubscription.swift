import MoldauCluster
import MoldauRecords
import Synchronization

/// One reader's place in a `ChangeFeed`: the changes that were read for it and that it has not taken yet.
package final class ChangeSubscription: Sendable {
    /// Changes, and how many were left out before them.
    package typealias Changes = (changes: [LoggedChange], missed: Int64)

    private struct State {
        var held: [LoggedChange] = []
        var missed: Int64 = 0
        /// How it ended; nil while it goes on.
        var end: Result<Void, any Error>?
        var waiting: CheckedContinuation<Void, Never>?
        /// What was there before the first followed change; nil if that was read, or is not wanted.
        var backlog: ChangeBacklog?

        init(backlog: ChangeBacklog?) { self.backlog = backlog }
    }

    private let limit: Int
    private let state: Mutex<State>
    private let onRelease: @Sendable (ObjectIdentifier) -> Void

    /// - Parameters:
    ///   - backlog: what its reader gets first.
    ///   - limit: the most changes that it holds.
    ///   - onRelease: called when nobody reads any more.
    init(_ backlog: ChangeBacklog?, limit: Int, onRelease: @escaping @Sendable (ObjectIdentifier) -> Void) {
        state = Mutex(State(backlog: backlog))
        (self.limit, self.onRelease) = (max(1, limit), onRelease)
    }

    deinit { onRelease(ObjectIdentifier(self)) }

    func put(_ changes: [LoggedChange]) {
        let waiting = state.withLock { state in
            state.held += changes
            let surplus = state.held.count - limit
            if surplus > 0 {
                state.held.removeFirst(surplus)
                state.missed += Int64(surplus)
            }
            return state.waiting.take()
        }
        waiting?.resume()
    }

    /// So many changes cannot be read any more.
    func miss(_ count: Int64) { state.withLock { $0.missed += count } }

    /// No change follows.
    package func end(_ result: Result<Void, any Error>) {
        let waiting = state.withLock { state in
            state.end = state.end ?? result
            return state.waiting.take()
        }
        waiting?.resume()
    }

    /// Waits for changes.
    /// - Returns: nil after the last one.
    package func next() async throws -> Changes? {
        while true {
            try Task.checkCancellation()
            if let backlog = state.withLock({ $0.backlog }) {
                if let changes = try await backlog.next() { return (changes, 0) }
                state.withLock { $0.backlog = nil }
            }
            let (found, end) = state.withLock { state -> (Changes?, Result<Void, any Error>?) in
                guard state.held.isEmpty else {
                    defer { (state.held, state.missed) = ([], 0) }
                    return ((state.held, state.missed), nil)
                }
                return (nil, state.end)
            }
            if let found { return found }
            if let end {
                try end.get()
                return nil
            }
            await wait()
        }
    }

    /// Returns when there may be something new, or the task is cancelled.
    private func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isNews = state.withLock { state in
                    if !state.held.isEmpty || state.end != nil || Task.isCancelled { return true }
                    state.waiting = continuation
                    return false
                }
                if isNews { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.take() }?.resume()
        }
    }
}
