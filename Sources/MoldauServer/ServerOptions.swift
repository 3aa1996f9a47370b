internal import MoldauBroker
internal import MoldauRecords

/// The limits of a server, and its automatic actions. If Kafka's broker has the setting, its name is given.
public struct ServerOptions: Sendable {
    /// `socket.request.max.bytes`: the largest request; a client that announces more is disconnected.
    public var maxRequestBytes = 100 << 20
    /// `queued.max.request.bytes`: how much memory requests and answers of all connections may take together. Over it
    /// reading is paused; if clients themselves hold too much of it, connections are closed, the largest first.
    public var maxMemoryBytes = 128 << 20
    /// `queued.max.requests`, for each connection: how many requests may be unanswered.
    public var maxUnansweredRequests = 500
    /// `max.connections`: the maximum number of connections; more are closed at once.
    public var maxConnections = 12_000
    /// `max.connections.per.ip`: the same for one address.
    public var maxConnectionsPerAddress = 12_000
    /// `connections.max.idle.ms`: a connection without requests is closed after this time.
    public var idleTimeout = Duration.seconds(600)
    /// How long a client may take to send a request that it has begun, or to read what was sent to it: after this
    /// time without progress it is disconnected. Large requests have a second more for each MiB.
    public var stallTimeout = Duration.seconds(30)
    /// How long the server waits for running requests when it stops.
    public var stopTimeout = Duration.seconds(10)
    /// `num.network.threads`: threads that read and write sockets.
    public var networkThreads = 2
    /// `num.io.threads`: threads that handle requests.
    public var workThreads = 4
    /// `auto.create.topics.enable`: whether a topic is created when a client that allows it requests it.
    public var createsTopics = true
    /// `num.partitions`: the partition count of topics that are created without one.
    public var defaultPartitions: Int32 = 1
    /// The maximum number of topics; more are not created.
    public var maxTopics = 20_000
    /// The maximum number of partitions of all topics together; more are not created.
    public var maxPartitions = 200_000
    /// `fetch.max.bytes`: the most that one fetch returns, unless the first batch is larger.
    public var maxFetchBytes = 55 << 20
    /// `max.incremental.fetch.session.cache.slots`: the maximum number of fetch sessions.
    public var maxFetchSessions = 1_000
    /// Whether addresses that other machines can reach are allowed without encryption and log-in, and unencrypted
    /// passwords.
    public var isInsecure = false
    /// `ssl.*`: the certificates for encrypted addresses.
    public var tls: TLSOptions?
    /// How long a client may take to log in.
    public var logInTimeout = Duration.seconds(30)
    /// `connection.failed.authentication.delay.ms`: how long the answer to a failed log-in is delayed.
    public var failedLogInDelay = Duration.seconds(1)
    /// `connections.max.reauth.ms`: how long a log-in is valid, after which the client has to log in again; nil: until
    /// the connection is closed.
    public var logInLifetime: Duration?
    /// Whether clients may do only what access rules permit.
    public var checksAccess = false
    /// `super.users`: the names of users that may do everything. Setting any turns access lists on.
    public var superUsers: Set<String> = []
    /// Whether only the first half of an answer's last batch is sent, if there are several. Kafka's broker may do so if
    /// an answer has reached its limit. For tests.
    package var cutsLastBatch = false
    /// The certificates that were set by name.
    var certificates = ServerCertificates()

    /// Kafka's defaults where it has them.
    public init() {}
}

extension ServerOptions {
    /// The largest frame of a client that has not logged in.
    static var maxLogInBytes: Int { 64 << 10 }

    var accessListsAreOn: Bool { checksAccess || !superUsers.isEmpty }

    /// Whether the address is encrypted and clients must authenticate.
    func protects(_ address: ListenAddress) -> Bool {
        switch address.security {
        case .saslSSL: true
        case .ssl: tls?.clientCertificates == .required
        case .plaintext, .saslPlaintext: false
        }
    }

    /// The log-in mechanisms of an address. PLAIN, which sends the password itself, only if it is encrypted or
    /// `isInsecure` is set.
    func logInMechanisms(_ security: SecurityProtocol) -> [LogInMechanism] {
        guard security.requiresLogIn else { return [] }
        let plain: [LogInMechanism] = security.isEncrypted || isInsecure ? [.plain] : []
        return plain + [.scram(.sha256), .scram(.sha512)]
    }
}
