internal import Logging
internal import MoldauBroker
package import MoldauClusterEmbedded
package import NIOCore
internal import NIOPosix

/// Answers clients in this process: their requests and answers are frames as on a socket, but use none.
package final class InnerServer: Sendable {
    private let work: Connection.Worker
    private let table: ConnectionTable
    private let maxUnanswered: Int

    /// The address that clients are given to reconnect to; no socket listens there.
    package static let (host, port) = ("embedded", 1)

    /// A server for that broker, with threads that all such servers share.
    package init(of cluster: EmbeddedCluster) {
        var options = ServerOptions()
        // Frames are in the clients' memory: none is kept for reuse.
        options.maxMemoryBytes = 0
        let pools = ServerPools(sharing: .singleton)
        work = cluster.makeService(options, pools, Logger(label: "moldau.server")).work
        table = ConnectionTable(options)
        maxUnanswered = options.maxUnansweredRequests
    }

    /// Connects a client, on its event loop.
    /// - Parameters:
    ///   - receive: called there with each answer, without its length, in the order of the requests.
    ///   - ended: called there with the reason if the server ends the connection.
    package func connect(
        on loop: any EventLoop, receive: @escaping @Sendable (ByteBuffer) -> Void,
        ended: @escaping @Sendable (String) -> Void
    ) -> InnerConnection {
        let connection = Connection(
            number: 0, clientAddress: "127.0.0.1",
            // As with encryption, all records of answers are in memory.
            localAddress: ListenAddress(host: Self.host, port: Self.port, security: .ssl),
            authentication: Authentication(of: .anonymous), maxUnanswered: maxUnanswered,
            pool: .singleton, memory: table, door: ConnectionDoor(loop), work: work)
        let inner = InnerConnection(connection, receive, ended)
        connection.door.open(to: inner)
        return inner
    }
}

/// A connection of a client in this process. Used on its event loop.
package final class InnerConnection: ConnectionEnd, Sendable {
    private let connection: Connection
    private let receive: @Sendable (ByteBuffer) -> Void
    private let ended: @Sendable (String) -> Void

    init(
        _ connection: Connection, _ receive: @escaping @Sendable (ByteBuffer) -> Void,
        _ ended: @escaping @Sendable (String) -> Void
    ) { (self.connection, self.receive, self.ended) = (connection, receive, ended) }

    /// Receives a request: a frame without its length.
    package func send(_ frame: ByteBuffer) {
        var frames = [frame]
        connection.receive(&frames)
    }

    /// Called when the client disconnects: waits are cancelled.
    package func close() {
        connection.door.shut()
        connection.closed()
    }

    func pump() {
        for answer in connection.takeAnswers() {
            connection.noteSent(answer.size)
            switch answer {
            case .nothing: break
            case .frame(let parts): receive(Self.frame(parts))
            case .last(let parts, let reason):
                receive(Self.frame(parts))
                return close(reason)
            case .close(let reason): return close(reason)
            }
        }
    }

    func close(_ reason: String) {
        close()
        ended(reason)
    }

    func stop() { close("the server has stopped") }

    /// No-op: nothing is read, because clients call `send`.
    func hasRoom() {}

    /// The frame without its length.
    private static func frame(_ parts: [Answer.Part]) -> ByteBuffer {
        var frame = ByteBuffer()
        for part in parts {
            switch part {
            case .bytes(var bytes):
                if frame.readableBytes == 0 { frame = bytes } else { frame.writeBuffer(&bytes) }
            case .file: preconditionFailure("an encrypted connection gets bytes from a file")
            }
        }
        frame.moveReaderIndex(forwardBy: 4)
        return frame
    }
}
