internal import MoldauRecords

/// Blocks a reader's thread until its bell rings, or until a caller ends its wait.
package final class PollWait: Sendable {
    private struct State {
        var hasData = false
        var isWoken = false
    }

    /// Why a wait ended.
    package enum End: Equatable {
        /// Something was appended since the last `clear`.
        case data
        /// `wake` was called; this result consumes that call.
        case woken
        /// Neither, within the timeout.
        case none
    }

    private let monitor: Monitor<State>
    /// Added to the partitions that are read.
    package let bell: Bell

    package init() {
        let monitor = Monitor(State())
        self.monitor = monitor
        bell = Bell { monitor.withLock(wakes: true) { $0.hasData = true } }
    }

    /// Ends a wait: the current one, or else the next.
    package func wake() { monitor.withLock(wakes: true) { $0.isWoken = true } }

    /// Resets the bell: called before checking, so that nothing appended after the check is missed.
    package func clear() {
        bell.clear()
        monitor.withLock { $0.hasData = false }
    }

    /// Blocks for at most `timeout`.
    package func wait(timeout: Duration) -> End {
        let end: End? = monitor.wait(timeout: timeout) { state in
            if state.isWoken {
                state.isWoken = false
                return .woken
            }
            return state.hasData ? .data : nil
        }
        return end ?? .none
    }
}
