import MoldauRecords
import MoldauTopology
import Synchronization

/// The clocks of a run: one that only moves forward, and a wall clock that is set from time to time.
final class SimulatedClock: Sendable {
    private struct State {
        var passedMs: Int64 = 0
        var wallMs: Int64
        /// When the process started.
        var beginMs: Int64 = 0
    }

    private let state: Mutex<State>
    private let mistake: PlantedMistake?

    init(startMs: Int64, mistake: PlantedMistake?) {
        state = Mutex(State(wallMs: startMs))
        self.mistake = mistake
    }

    /// The wall clock's time.
    var now: Timestamp { Timestamp(ms: state.withLock { $0.wallMs }) }

    /// The time since the run started, whatever the wall clock shows.
    var passed: Timestamp { Timestamp(ms: state.withLock { $0.passedMs }) }

    /// … since the process started.
    var uptime: Duration {
        state.withLock { state in
            .milliseconds(mistake == .durationsByWallClock ? state.wallMs : state.passedMs - state.beginMs)
        }
    }

    /// The clocks as a thread's round reads them.
    var round: RoundTime { RoundTime(now, uptime: uptime) }

    func beginProcess() { state.withLock { $0.beginMs = $0.passedMs } }

    /// Advances the time.
    func advance(ms passed: Int) {
        state.withLock { state in
            state.passedMs += Int64(passed)
            state.wallMs += Int64(passed)
        }
    }

    /// Sets the wall clock forward, or back if `ms` is negative.
    func set(by ms: Int) { state.withLock { $0.wallMs += Int64(ms) } }
}
