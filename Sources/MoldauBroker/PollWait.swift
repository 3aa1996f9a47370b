internal import MoldauRecords

/// Lets a reader's thread wait for its bell, or for whoever wants its wait to end.
package final class PollWait: Sendable {
    private struct State {
        var hasData = false
        var isWoken = false
    }

    /// Why a wait ended.
    package enum End: Equatable {
        /// Something was appended since the last `clear`.
        case data
        /// `wake` was called; this answer used it up.
        case woken
        /// Neither, in the time given.
        case none
    }

    private let monitor: Monitor<State>
    /// For the partitions that are read.
    package let bell: Bell

    package init() {
        let monitor = Monitor(State())
        self.monitor = monitor
        bell = Bell { monitor.withLock(wakes: true) { $0.hasData = true } }
    }

    /// Ends a wait: the one that is on, or else the next.
    package func wake() { monitor.withLock(wakes: true) { $0.isWoken = true } }

    /// Forgets what was appended: called before looking, so that nothing appended after the look is missed.
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
