internal import Synchronization

/// Schedules the next step of a state machine; merges several requests into one call.
final class Driver: Sendable {
    private struct State {
        var isLookComing = false
        /// When the next scheduled call is due.
        var timer: Duration?
    }

    private let world: any ClientWorld
    private let state = Mutex(State())

    init(_ world: any ClientWorld) { self.world = world }

    /// Calls `look` in the world's order, soon. No-op if a call is already scheduled.
    func soon(_ look: @escaping @Sendable () -> Void) {
        let isNew = state.withLock { state in
            defer { state.isLookComing = true }
            return !state.isLookComing
        }
        if isNew { world.perform(look) }
    }

    /// Call when a step begins: requests from now on schedule another one.
    func begin() { state.withLock { $0.isLookComing = false } }

    /// Calls `look` at that time, unless an earlier call is scheduled.
    func wait(until due: Duration, _ now: Duration, _ look: @escaping @Sendable () -> Void) {
        let isNew = state.withLock { state in
            if let timer = state.timer, timer > now, timer <= due { return false }
            state.timer = due
            return true
        }
        guard isNew else { return }
        world.perform(after: due - now) { [weak self] in
            self?.state.withLock { if $0.timer == due { $0.timer = nil } }
            look()
        }
    }
}
