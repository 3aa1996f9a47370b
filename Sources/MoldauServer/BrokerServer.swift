internal import MoldauBroker
public import Logging
public import MoldauClusterEmbedded
internal import MoldauLog
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Lets any Kafka client use a broker that runs in this process.
///
/// ```swift
/// let cluster = try EmbeddedCluster(directory: "data/topics")
/// let server = try BrokerServer(of: cluster, listening: [.localhost(9092)])
/// try await server.run()
/// ```
///
/// The server does not own the cluster: close that after `run` has returned.
public final class BrokerServer: Service {
    private enum Phase {
        case new
        case listening(Running)
        case stopped
    }

    private struct Running {
        var group: MultiThreadedEventLoopGroup
        var pool: NIOThreadPool
        var listeners: [any Channel]
        var addresses: [ListenAddress]
        var table: ConnectionTable
    }

    private let cluster: EmbeddedCluster
    private let wanted: [ListenAddress]
    private let options: ServerOptions
    private let logger: Logger
    private let phase = Mutex(Phase.new)

    /// A server that does not listen yet.
    /// - Throws: `ServerError.noAddress`, `.unprotectedAddress`.
    public init(
        of cluster: EmbeddedCluster, listening addresses: [ListenAddress], options: ServerOptions = ServerOptions(),
        logger: Logger = Logger(label: "moldau.server")
    ) throws(ServerError) {
        if addresses.isEmpty { throw .noAddress }
        if let open = addresses.first(where: { !$0.isLoopback && !options.isInsecure }) {
            throw .unprotectedAddress(open)
        }
        self.cluster = cluster
        wanted = addresses
        self.options = options
        self.logger = logger
    }

    /// Listens, until the task is cancelled or the service is shut down; then requests that have begun are finished.
    public func run() async throws {
        try await start()
        await cancelWhenGracefulShutdown { while !Task.isCancelled { try? await Task.sleep(for: .seconds(3_600)) } }
        await stop()
    }

    /// Begins to listen.
    /// - Returns: the addresses, with the ports that the system chose for port 0.
    /// - Throws: `ServerError`.
    @discardableResult
    public func start() async throws -> [ListenAddress] {
        let isNew = phase.withLock { phase in
            if case .new = phase { return true }
            return false
        }
        guard isNew else { throw ServerError.stopped }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.networkThreads)
        let pool = NIOThreadPool(numberOfThreads: options.workThreads)
        pool.start()
        let table = ConnectionTable(options)
        let work = cluster.worker(options, pool, logger)
        var listeners: [any Channel] = []
        do {
            for address in wanted {
                listeners.append(try await listen(on: address, group, pool, table, work))
            }
        } catch {
            for listener in listeners { try? await listener.close() }
            try? await pool.shutdownGracefully()
            try? await group.shutdownGracefully()
            throw error
        }
        let addresses = zip(listeners, wanted).map { listener, wanted in
            ListenAddress(host: wanted.host, port: listener.localAddress?.port ?? wanted.port)
        }
        do {
            try cluster.note(listening: addresses)
        } catch {
            logger.warning("the addresses could not be noted in the data directory", metadata: ["error": "\(error)"])
        }
        let running = Running(group: group, pool: pool, listeners: listeners, addresses: addresses, table: table)
        phase.withLock { $0 = .listening(running) }
        logger.notice("listening", metadata: ["addresses": "\(addresses.map(\.description).joined(separator: ", "))"])
        return addresses
    }

    /// Takes no new requests, finishes those that have begun, and closes all connections; no-op if it does not listen.
    public func stop() async {
        let running: Running? = phase.withLock { phase in
            guard case .listening(let running) = phase else { return nil }
            phase = .stopped
            return running
        }
        guard let running else { return }
        for listener in running.listeners { try? await listener.close() }
        running.table.stop()
        let end = ContinuousClock.now + options.stopTimeout
        while !running.table.all.isEmpty, ContinuousClock.now < end { try? await Self.pause() }
        for connection in running.table.all { connection.door.close("the server has stopped") }
        try? await running.group.shutdownGracefully()
        try? await running.pool.shutdownGracefully()
        try? cluster.note(listening: [])
    }

    /// Not shortened by the cancellation that led to the stop.
    private static func pause() async throws {
        await Task.detached { try? await Task.sleep(for: .milliseconds(5)) }.value
    }

    private func listen(
        on address: ListenAddress, _ group: MultiThreadedEventLoopGroup, _ pool: NIOThreadPool, _ table: ConnectionTable,
        _ work: @escaping Connection.Worker
    ) async throws -> any Channel {
        let (options, logger) = (options, logger)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try Self.accept(channel, address, options, pool, table, work, logger)
                }
            }
        do {
            return try await bootstrap.bind(host: address.host, port: address.port).get()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw ServerError.addressInUse(address)
        } catch {
            throw ServerError.addressNotAvailable(address, reason: "\(error)")
        }
    }

    private struct Refused: Error {}

    private static func accept(
        _ channel: any Channel, _ listener: ListenAddress, _ options: ServerOptions, _ pool: NIOThreadPool,
        _ table: ConnectionTable, _ work: @escaping Connection.Worker, _ logger: Logger
    ) throws {
        let client = channel.remoteAddress?.ipAddress ?? "unknown"
        guard let number = table.admit(client) else {
            logger.warning("a connection was refused: there are too many", metadata: ["client": "\(client)"])
            throw Refused()
        }
        let local = ListenAddress(
            host: channel.localAddress?.ipAddress ?? listener.host, port: channel.localAddress?.port ?? listener.port)
        let connection = Connection(
            number: number, clientAddress: client, localAddress: local, maxUnanswered: options.maxUnansweredRequests,
            pool: pool, memory: table, door: ConnectionDoor(channel.eventLoop), work: work)
        table.add(connection)
        let handler = ConnectionHandler(connection, table, options, logger)
        try channel.pipeline.syncOperations.addHandler(handler)
    }
}

extension EmbeddedCluster {
    fileprivate func note(listening addresses: [ListenAddress]) throws {
        func note(_ store: some EmbeddedStore) throws {
            try store.broker.note(listening: addresses.map(\.description))
        }
        try note(store)
    }

    /// What does the requests of clients.
    fileprivate func worker(_ options: ServerOptions, _ pool: NIOThreadPool, _ logger: Logger) -> Connection.Worker {
        func make(_ store: some EmbeddedStore) -> Connection.Worker {
            let service = RequestService(store.broker, options, pool, logger)
            return { frame, connection, reply in service.work(frame, of: connection, then: reply) }
        }
        return make(store)
    }
}
