internal import Foundation
public import Logging
internal import MoldauBroker
@_exported public import MoldauClusterEmbedded
internal import MoldauLog
internal import MoldauRecords
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle
internal import Synchronization

/// Makes a broker that runs in this process available to any Kafka client.
///
/// ```swift
/// let cluster = try await EmbeddedCluster(directory: "data/topics")
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
        var pools: ServerPools
        var listeners: [any Channel]
        var table: ConnectionTable
        var service: ServerWork
    }

    private let cluster: EmbeddedCluster
    private let wanted: [ListenAddress]
    private let options: ServerOptions
    private let logger: Logger
    private let phase = Mutex(Phase.new)

    /// A server that does not listen yet.
    ///
    /// Addresses that other machines can reach must be encrypted and must authenticate clients: `saslSSL`, or `ssl` if
    /// clients must present certificates.
    /// - Throws: `ServerError.noAddress`, `.unprotectedAddress`.
    public init(
        of cluster: EmbeddedCluster, listening addresses: [ListenAddress], options: ServerOptions = ServerOptions(),
        logger: Logger = Logger(label: "moldau.server")
    ) throws(ServerError) {
        if addresses.isEmpty { throw .noAddress }
        if let open = addresses.first(where: { !$0.isLoopback && !options.isInsecure && !options.protects($0) }) {
            throw .unprotectedAddress(open)
        }
        self.cluster = cluster
        wanted = addresses
        self.options = options
        self.logger = logger
    }

    /// Listens until the task is cancelled or the service is shut down; then finishes the requests that have begun.
    /// - Throws: `ServerError` if it cannot listen.
    public func run() async throws {
        try await start()
        try? await gracefulShutdown()
        await stop()
    }

    /// Begins to listen.
    /// - Returns: the addresses, with the ports that the system chose for port 0.
    /// - Throws: `ServerError`.
    @discardableResult
    public func start() async throws -> [ListenAddress] { try await onThread { try self.startNow() } }

    /// Accepts no new requests, finishes those that have begun, and closes all connections; no-op if it does not
    /// listen.
    public func stop() async { await onThread { self.stopNow() } }

    /// `start`, which blocks.
    @discardableResult
    package func startNow() throws -> [ListenAddress] {
        let isNew = phase.withLock { phase in
            if case .new = phase { return true }
            return false
        }
        guard isNew else { throw ServerError.stopped }
        try checkRules()
        if wanted.contains(where: \.security.requiresLogIn), cluster.users.all.isEmpty {
            logger.warning("clients have to log in, but there are no users; add one with 'moldau users add'")
        }
        let tls = try certificates()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.networkThreads)
        let pools = ServerPools(options)
        pools.start()
        let table = ConnectionTable(options, cluster.traffic)
        cluster.limitTopics(options)
        let service = cluster.makeService(options, pools, logger)
        var listeners: [any Channel] = []
        do {
            for address in wanted {
                let door = FrontDoor(
                    address: address, options: options, tls: address.security.isEncrypted ? tls : nil, pool: pools.work,
                    table: table, work: service.work, logger: logger)
                listeners.append(try listen(group, door))
            }
        } catch {
            for listener in listeners { try? listener.close().wait() }
            try? group.syncShutdownGracefully()
            pools.stop()
            throw error
        }
        let addresses = zip(listeners, wanted).map { listener, wanted in
            wanted.with(port: listener.localAddress?.port ?? wanted.port)
        }
        do {
            try cluster.note(listening: addresses)
        } catch {
            logger.warning("the addresses could not be written to the data directory", metadata: ["error": "\(error)"])
        }
        let running = Running(group: group, pools: pools, listeners: listeners, table: table, service: service)
        phase.withLock { $0 = .listening(running) }
        logger.notice("listening", metadata: ["addresses": "\(addresses.map(\.description).joined(separator: ", "))"])
        return addresses
    }

    /// `stop`, which blocks.
    package func stopNow() {
        let running: Running? = phase.withLock { phase in
            guard case .listening(let running) = phase else { return nil }
            phase = .stopped
            return running
        }
        guard let running else { return }
        for listener in running.listeners { try? listener.close().wait() }
        running.table.stop()
        running.service.stopGroups()
        running.table.waitUntilEmpty(atMost: options.stopTimeout)
        for connection in running.table.all { connection.door.close("the server has stopped") }
        try? running.group.syncShutdownGracefully()
        running.pools.stop()
        try? cluster.note(listening: [])
    }

    private func listen(_ group: MultiThreadedEventLoopGroup, _ door: FrontDoor) throws -> any Channel {
        let address = door.address
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                door.admit(channel)
            }
        do {
            return try bootstrap.bind(host: address.host, port: address.port).wait()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw ServerError.addressInUse(address)
        } catch {
            throw ServerError.addressNotAvailable(address, reason: "\(error)")
        }
    }

    /// Access rules that are not enforced are worse than none.
    private func checkRules() throws(ServerError) {
        if options.accessListsAreOn { return }
        let count = cluster.accessRuleCount
        if count > 0 { throw .unusedAccessRules(count: count) }
    }

    private func certificates() throws(ServerError) -> Certificates? {
        guard let encrypted = wanted.first(where: \.security.isEncrypted) else { return nil }
        guard let tls = options.tls else {
            throw .tls(reason: "\(encrypted) needs a certificate and its key (ServerOptions.tls)")
        }
        if TLSContext.isReadableByOthers(tls.keyPath) {
            logger.warning(
                "users other than its owner can read the server's private key; restrict it with 'chmod 600'",
                metadata: ["file": "\(tls.keyPath)"])
        }
        return try Certificates(tls, at: .now, logger)
    }
}

extension EmbeddedCluster {
    fileprivate func note(listening addresses: [ListenAddress]) throws {
        func note(_ store: some EmbeddedStore) throws {
            try store.broker.note(listening: addresses.map(\.description))
        }
        try note(store)
    }

    fileprivate var accessRuleCount: Int {
        func count(_ store: some EmbeddedStore) -> Int { store.broker.security.accessList.rules.count }
        return count(store)
    }

    fileprivate func limitTopics(_ options: ServerOptions) {
        func limit(_ store: some EmbeddedStore) {
            store.broker.limitTopics(to: TopicLimits(topics: options.maxTopics, partitions: options.maxPartitions))
        }
        limit(store)
    }

    func makeService(_ options: ServerOptions, _ pools: ServerPools, _ logger: Logger) -> ServerWork {
        func make(_ store: some EmbeddedStore) -> ServerWork {
            let broker = store.broker
            let service = RequestService(broker, options, pools, logger)
            return ServerWork(
                work: { frame, connection, reply in service.work(frame, of: connection, then: reply) },
                stopGroups: { broker.stopGroups() })
        }
        return make(store)
    }
}

/// The operations of a broker that a server needs, independent of the type of its file system.
struct ServerWork: Sendable {
    let work: Connection.Worker
    /// Tells waiting members that the broker is stopping.
    let stopGroups: @Sendable () -> Void
}
