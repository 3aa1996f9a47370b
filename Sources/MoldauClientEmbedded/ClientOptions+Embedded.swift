@_exported public import MoldauClient
@_exported public import MoldauClusterEmbedded
internal import MoldauServer
internal import NIOCore

extension ClientOptions {
    /// For clients of a broker in this process: an application's, or one in memory in tests. Producers, consumers and
    /// `AdminClient` work as with any cluster, with the same messages but without a socket.
    ///
    /// ```swift
    /// let cluster = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
    /// let producer = try Producer(to: orders, cluster: .embedded(cluster))
    /// ```
    /// Closing the clients does not close the cluster; close them before it.
    public static func embedded(_ cluster: EmbeddedCluster) -> ClientOptions {
        var options = ClientOptions(bootstrapServers: [
            BrokerAddress(host: InnerServer.host, port: InnerServer.port)
        ])
        options.transport = InnerTransport(server: InnerServer(of: cluster))
        return options
    }
}

/// Passes frames to a broker in this process.
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
