import MoldauRecords
import MoldauTopology
import Synchronization

/// The clocks of a run: one that only goes on, and one on the wall, which somebody sets now and then.
final class SimulatedClock: Sendable {
    private struct State {
        var passedMs: Int64 = 0
        var wallMs: Int64
        /// When the process began.
        var beginMs: Int64 = 0
    }

    private let state: Mutex<State>
    private let mistake: PlantedMistake?

    init(startMs: Int64, mistake: PlantedMistake?) {
        state = Mutex(State(wallMs: startMs))
        self.mistake = mistake
    }

    /// What the wall shows.
    var now: Timestamp { Timestamp(ms: state.withLock { $0.wallMs }) }

    /// The time since the run began, which goes on whatever the wall shows.
    var passed: Timestamp { Timestamp(ms: state.withLock { $0.passedMs }) }

    /// … since the process began.
    var uptime: Duration {
        state.withLock { state in
            .milliseconds(mistake == .durationsByWallClock ? state.wallMs : state.passedMs - state.beginMs)
        }
    }

    /// What a thread's round reads.
    var round: RoundTime { RoundTime(now, uptime: uptime) }

    func beginProcess() { state.withLock { $0.beginMs = $0.passedMs } }

    /// Time passes.
    func advance(ms passed: Int) {
        state.withLock { state in
            state.passedMs += Int64(passed)
            state.wallMs += Int64(passed)
        }
    }

    /// Somebody sets the clock on the wall, by so much forward or, where it is negative, back.
    func set(by ms: Int) { state.withLock { $0.wallMs += Int64(ms) } }
}
