internal import NIOCore
internal import Synchronization

/// What passes a connection's answers on to its client, on its event loop.
protocol ConnectionEnd: AnyObject {
    /// Sends the answers that may leave.
    func pump()
    /// Closes the connection.
    func close(_ reason: String)
    /// Finishes what has begun, and closes.
    func stop()
    /// Goes on reading, which waited for room.
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

    /// The connection is no more: nothing happens from now on.
    func shut() { bound.withLock { $0 = nil } }

    /// Has the answers sent that may leave.
    func pump() { onLoop { $0.pump() } }

    /// Has the connection closed, for this reason.
    func close(_ reason: String) { onLoop { $0.close(reason) } }

    /// Has it finish what has begun, and close.
    func stop() { onLoop { $0.stop() } }

    /// Goes on reading, which waited for room.
    func resume() { onLoop { $0.hasRoom() } }

    /// Does something on the connection's event loop after a while, or now on this thread if the connection has gone.
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

    /// Gives the event loop something to do unless the door is shut. The lock is held meanwhile, as a loop shuts its
    /// doors before it is shut down, and then takes nothing.
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
