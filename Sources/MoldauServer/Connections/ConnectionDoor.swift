internal import NIOCore
internal import Synchronization

/// Passes a connection's answers to its client, on its event loop.
protocol ConnectionEnd: AnyObject {
    /// Sends the released answers.
    func pump()
    /// Closes the connection.
    func close(_ reason: String)
    /// Finishes the requests that have started, and closes.
    func stop()
    /// Resumes reading, which was paused for lack of memory.
    func hasRoom()
}

/// Reaches a connection's end on its event loop, from any thread.
final class ConnectionDoor: Sendable {
    private typealias Bound = NIOLoopBound<any ConnectionEnd>

    private let eventLoop: any EventLoop
    private let bound = Mutex<Bound?>(nil)

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Opens the door: called on the event loop.
    func open(to end: any ConnectionEnd) {
        let opened = Bound(end, eventLoop: eventLoop)
        bound.withLock { $0 = opened }
    }

    /// Called when the connection is closed: later calls do nothing, but `after` runs its body at once.
    func shut() { bound.withLock { $0 = nil } }

    /// Sends the released answers.
    func pump() { onLoop { $0.pump() } }

    /// Closes the connection, for this reason.
    func close(_ reason: String) { onLoop { $0.close(reason) } }

    /// Finishes the requests that have started, and closes.
    func stop() { onLoop { $0.stop() } }

    /// Resumes reading, which was paused for lack of memory.
    func resume() { onLoop { $0.hasRoom() } }

    /// Runs `body` on the connection's event loop after `pause`, or now on this thread if the connection is closed.
    func after(_ pause: Duration, _ body: @escaping @Sendable () -> Void) {
        let isLater = whileOpen { eventLoop.scheduleTask(in: TimeAmount(pause), body) }
        if !isLater { body() }
    }

    private func onLoop(_ body: @escaping @Sendable (any ConnectionEnd) -> Void) {
        whileOpen {
            eventLoop.execute { [self] in
                guard let end = bound.withLock({ $0 })?.value else { return }
                body(end)
            }
        }
    }

    /// Submits work to the event loop unless the door is shut. Holds the lock meanwhile, because a loop shuts its doors
    /// before it is shut down, and accepts nothing after that.
    /// - Returns: false if the door is shut.
    @discardableResult
    private func whileOpen(_ give: () -> Void) -> Bool {
        bound.withLock { bound in
            guard bound != nil else { return false }
            give()
            return true
        }
    }
}
