internal import Synchronization

/// Says when somebody who drives a pure state is to look after it: soon, once however many ask for it, and when
/// something is due.
final class Driver: Sendable {
    private struct State {
        var isLookComing = false
        /// When the next look comes by itself.
        var timer: Duration?
    }

    private let world: any ClientWorld
    private let state = Mutex(State())

    init(_ world: any ClientWorld) { self.world = world }

    /// Calls `look` in the world's order, soon.
    func soon(_ look: @escaping @Sendable () -> Void) {
        let isNew = state.withLock { state in
            defer { state.isLookComing = true }
            return !state.isLookComing
        }
        if isNew { world.perform(look) }
    }

    /// To be called when a look begins: what is asked for from now on takes another one.
    func begin() { state.withLock { $0.isLookComing = false } }

    /// Calls `look` at that time, unless one comes earlier.
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
