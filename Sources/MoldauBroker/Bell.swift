internal import MoldauRecords

/// What a reader waits on: rung by appends to its partitions, and by whoever wants its wait to end.
package final class Bell: Sendable {
    private struct State {
        var hasData = false
        var isWoken = false
    }

    /// Why a wait ended.
    package enum Ring: Equatable {
        /// Something was appended since the last `clear`.
        case data
        /// `wake` was called; this answer used it up.
        case woken
        /// Neither, in the time given.
        case none
    }

    private let monitor = Monitor(State())

    package init() {}

    /// Says that there is something to read.
    package func ring() {
        let isNew = monitor.withLock { state in
            defer { state.hasData = true }
            return !state.hasData
        }
        if isNew { monitor.withLock(wakes: true) { _ in } }
    }

    /// Ends a wait: the one that is on, or else the next.
    package func wake() { monitor.withLock(wakes: true) { $0.isWoken = true } }

    /// Forgets what was appended: called before looking, so that nothing appended after the look is missed.
    package func clear() { monitor.withLock { $0.hasData = false } }

    /// Blocks for at most `timeout`.
    package func wait(timeout: Duration) -> Ring {
        let ring: Ring? = monitor.wait(timeout: timeout) { state in
            if state.isWoken {
                state.isWoken = false
                return .woken
            }
            return state.hasData ? .data : nil
        }
        return ring ?? .none
    }
}
