package import NIOCore

/// Carries the frames of one connection to a broker: over a socket, or to a broker in this process. Used on the event
/// loop of the connection.
package protocol FrameCarrier: Sendable {
    /// Sends a frame, its length in front.
    /// - Parameter sent: called when it has left, or cannot leave.
    func send(_ frame: ByteBuffer, then sent: (@Sendable ((any Error)?) -> Void)?)
    /// Ends the connection.
    func close()
}

/// Takes what a connection brings, on its event loop.
package protocol FrameReceiver: AnyObject, Sendable {
    /// Takes an answer: a frame without its length.
    func receive(_ frame: ByteBuffer)
    /// The connection is of no more use.
    func end(_ reason: String)
}

/// A way to a broker that is no socket.
package protocol FrameTransport: Sendable {
    /// Makes a connection. Called on the event loop.
    func connect(on loop: any EventLoop, to receiver: any FrameReceiver) -> any FrameCarrier
}

/// The socket of a connection.
struct SocketCarrier: FrameCarrier {
    let channel: any Channel

    func send(_ frame: ByteBuffer, then sent: (@Sendable ((any Error)?) -> Void)?) {
        guard let sent else { return channel.writeAndFlush(frame, promise: nil) }
        channel.writeAndFlush(frame).whenComplete { result in
            switch result {
            case .success: sent(nil)
            case .failure(let error): sent(error)
            }
        }
    }

    func close() { channel.close(promise: nil) }
}
