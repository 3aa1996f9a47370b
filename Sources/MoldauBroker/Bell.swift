internal import MoldauRecords

/// What a reader waits for: rung by appends to its partitions, and by anyone who wants to end the wait.
package final class Bell: Sendable {
    private struct State {
        var hasData = false
        var isWoken = false
    }

    /// Why a wait ended.
    package enum Ring: Equatable {
        /// Something was appended since the last `clear`.
        case data
        /// `wake` was called; this result uses it up.
        case woken
        /// Neither happened before the timeout.
        case none
    }

    private let monitor = Monitor(State())

    package init() {}

    /// Signals that there is something to read.
    package func ring() {
        let isNew = monitor.withLock { state in
            defer { state.hasData = true }
            return !state.hasData
        }
        if isNew { monitor.withLock(wakes: true) { _ in } }
    }

    /// Ends the current wait, or else the next one.
    package func wake() { monitor.withLock(wakes: true) { $0.isWoken = true } }

    /// Forgets earlier appends. Must be called before looking for data, so that nothing appended after the look is
    /// missed.
    package func clear() { monitor.withLock { $0.hasData = false } }

    /// Waits for a ring. Blocks for at most `timeout`.
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
