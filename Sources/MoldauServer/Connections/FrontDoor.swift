internal import Logging
internal import MoldauBroker
internal import MoldauClusterEmbedded
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Accepts clients at one address.
struct FrontDoor: Sendable {
    let address: ListenAddress
    let options: ServerOptions
    /// nil unless connections are encrypted.
    let tls: Certificates?
    let pool: NIOThreadPool
    let table: ConnectionTable
    let work: Connection.Worker
    let logger: Logger

    private struct Refused: Error {}

    /// Turns a new socket into a connection.
    func admit(_ channel: any Channel) -> EventLoopFuture<Void> {
        guard let tls, tls.isLookDue(at: .now) else {
            return channel.eventLoop.makeCompletedFuture { try connect(channel) }
        }
        // File access blocks, which is not allowed on an event loop.
        return pool.runIfActive(eventLoop: channel.eventLoop) { tls.look() }.flatMapThrowing { try connect(channel) }
    }

    private func connect(_ channel: any Channel) throws {
        let client = channel.remoteAddress?.ipAddress ?? "unknown"
        guard let number = table.admit(client) else {
            logger.warning("a connection was refused: there are too many", metadata: ["client": "\(client)"])
            throw Refused()
        }
        let told = ListenAddress(
            host: address.advertisedHost ?? channel.localAddress?.ipAddress ?? address.host,
            port: address.advertisedPort ?? channel.localAddress?.port ?? address.port, security: address.security)
        let authentication =
            address.security.requiresLogIn
            ? Authentication(options.logInMechanisms(address.security), lifetime: options.logInLifetime)
            : Authentication(of: .anonymous)
        let connection = Connection(
            number: number, clientAddress: client, localAddress: told, authentication: authentication,
            maxUnanswered: options.maxUnansweredRequests, pool: pool, memory: table,
            door: ConnectionDoor(channel.eventLoop), work: work)
        table.add(connection)
        table.traffic.opened()
        channel.closeFuture.whenComplete { _ in
            connection.door.shut()
            connection.closed()
            table.remove(connection)
            table.traffic.closed()
        }
        if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.context)) }
        try channel.pipeline.syncOperations.addHandler(ConnectionHandler(connection, table, options, logger))
    }
}
