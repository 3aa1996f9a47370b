import MoldauCluster
import MoldauRecords
import Synchronization

/// One reader's subscription to a `ChangeFeed`: the changes that were read for it and that it has not taken yet.
package final class ChangeSubscription: Sendable {
    /// Changes, and how many were missed before them.
    package typealias Changes = (changes: [LoggedChange], missed: Int64)

    private struct State {
        var held: [LoggedChange] = []
        var missed: Int64 = 0
        /// How it ended; nil while it is active.
        var end: Result<Void, any Error>?
        var waiting: OneAnswer<Void>?
        /// The rows from before the first followed change; nil once they were read, or if they are not requested.
        var backlog: ChangeBacklog?

        init(backlog: ChangeBacklog?) { self.backlog = backlog }
    }

    private let limit: Int
    private let state: Mutex<State>
    private let onRelease: @Sendable (ObjectIdentifier) -> Void

    /// - Parameters:
    ///   - backlog: read before the followed changes.
    ///   - limit: the most changes that it buffers.
    ///   - onRelease: called when the subscription is released.
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
        waiting?.give(.success(()))
    }

    /// Records that this many changes can no longer be read.
    func miss(_ count: Int64) { state.withLock { $0.missed += count } }

    /// Ends the subscription: no more changes follow.
    package func end(_ result: Result<Void, any Error>) {
        let waiting = state.withLock { state in
            state.end = state.end ?? result
            return state.waiting.take()
        }
        waiting?.give(.success(()))
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

    /// Returns when there may be new changes, or the task is cancelled.
    private func wait() async {
        let news = OneAnswer<Void>()
        let isNews = state.withLock { state in
            if !state.held.isEmpty || state.end != nil { return true }
            state.waiting = news
            return false
        }
        if !isNews { try? await news.get() }
    }
}
