package import NIOCore

/// Carries the frames of one connection to a broker: over a socket, or to a broker in this process. Used on the event
/// loop of the connection.
package protocol FrameCarrier: Sendable {
    /// Sends a frame, prefixed with its length.
    /// - Parameter sent: called when it was sent, or cannot be.
    func send(_ frame: ByteBuffer, then sent: (@Sendable ((any Error)?) -> Void)?)
    /// Closes the connection.
    func close()
}

/// Receives the events of a connection, on its event loop.
package protocol FrameReceiver: AnyObject, Sendable {
    /// Receives a response: a frame without its length.
    func receive(_ frame: ByteBuffer)
    /// Called when the connection can no longer be used.
    func end(_ reason: String)
}

/// A transport to a broker other than a socket.
package protocol FrameTransport: Sendable {
    /// Connects. Called on the event loop.
    func connect(on loop: any EventLoop, to receiver: any FrameReceiver) -> any FrameCarrier
}

/// A connection over a socket.
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
