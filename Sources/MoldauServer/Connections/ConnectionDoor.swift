internal import NIOCore
internal import Synchronization

/// Reaches a connection's handler on its event loop, from any thread.
final class ConnectionDoor: Sendable {
    private typealias Bound = NIOLoopBound<(ConnectionHandler, ChannelHandlerContext)>

    private let eventLoop: any EventLoop
    private let bound = Mutex<Bound?>(nil)

    init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Opens the door: called on the event loop.
    func open(to handler: ConnectionHandler, _ context: ChannelHandlerContext) {
        let opened = Bound((handler, context), eventLoop: eventLoop)
        bound.withLock { $0 = opened }
    }

    /// The connection is no more: nothing happens from now on.
    func shut() { bound.withLock { $0 = nil } }

    /// Has the answers sent that may leave.
    func pump() { onLoop { $0.pump($1) } }

    /// Has the connection closed, for this reason.
    func close(_ reason: String) { onLoop { $0.close($1, reason: reason) } }

    /// Has it finish what has begun, and close.
    func stop() { onLoop { $0.stop($1) } }

    /// Goes on reading, which waited for room.
    func resume() { onLoop { $0.hasRoom($1) } }

    /// Does something on the connection's event loop after a while, even if the connection has gone.
    func after(_ pause: Duration, _ body: @escaping @Sendable () -> Void) {
        eventLoop.scheduleTask(in: TimeAmount(pause), body)
    }

    private func onLoop(_ body: @escaping @Sendable (ConnectionHandler, ChannelHandlerContext) -> Void) {
        eventLoop.execute { [self] in
            guard let (handler, context) = bound.withLock({ $0 })?.value else { return }
            body(handler, context)
        }
    }
}
