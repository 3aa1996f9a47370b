@_exported public import MoldauClient
@_exported public import MoldauClusterEmbedded
internal import MoldauServer
internal import NIOCore

extension ClientOptions {
    /// A client of a broker in this process: of that of an application, or of one in memory, in tests. Producers,
    /// consumers and `AdminClient` do all that they do with any cluster, in the same messages, without a socket.
    ///
    /// ```swift
    /// let cluster = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
    /// let producer = try Producer(to: orders, cluster: .embedded(cluster))
    /// ```
    /// The cluster is not closed with its clients: close them first.
    public static func embedded(_ cluster: EmbeddedCluster) -> ClientOptions {
        var options = ClientOptions(bootstrapServers: [
            BrokerAddress(host: InnerServer.host, port: InnerServer.port)
        ])
        options.transport = InnerTransport(server: InnerServer(of: cluster))
        return options
    }
}

/// Hands frames to a broker in this process.
private struct InnerTransport: FrameTransport {
    let server: InnerServer

    func connect(on loop: any EventLoop, to receiver: any FrameReceiver) -> any FrameCarrier {
        InnerCarrier(
            connection: server.connect(
                on: loop, receive: { [weak receiver] in receiver?.receive($0) },
                ended: { [weak receiver] in receiver?.end($0) }))
    }
}

private struct InnerCarrier: FrameCarrier {
    let connection: InnerConnection

    func send(_ frame: ByteBuffer, then sent: (@Sendable ((any Error)?) -> Void)?) {
        var frame = frame
        frame.moveReaderIndex(forwardBy: 4)
        connection.send(frame)
        sent?(nil)
    }

    func close() { connection.close() }
}
