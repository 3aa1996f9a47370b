import MoldauRecords

/// Opens once, and then releases all waiters: threads and async code alike.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let monitor = Monitor(State())

    func open() {
        let waiting = monitor.withLock(wakes: true) { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Blocks the calling thread: not for use on Swift's cooperative pool.
    /// - Returns: false if it is not open after `timeout`.
    @discardableResult
    func waitBlocking(atMost timeout: Duration? = nil) -> Bool {
        monitor.wait(timeout: timeout) { $0.isOpen ? true : nil } ?? false
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = monitor.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}
