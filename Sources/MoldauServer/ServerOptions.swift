internal import MoldauBroker
internal import MoldauRecords

/// The limits of a server, and what it does by itself. Where Kafka's broker has the setting, its name is told.
public struct ServerOptions: Sendable {
    /// `socket.request.max.bytes`: the largest request; a client that announces more is disconnected.
    public var maxRequestBytes = 100 << 20
    /// `queued.max.request.bytes`: how much memory requests and answers of all connections may take together. Over it
    /// nothing more is read; what waits for a client itself gives way, the largest first.
    public var maxMemoryBytes = 128 << 20
    /// `queued.max.requests`, for each connection: how many requests may wait for their answers.
    public var maxUnansweredRequests = 500
    /// `max.connections`: how many connections there may be; more are closed at once.
    public var maxConnections = 12_000
    /// `max.connections.per.ip`: … from one address.
    public var maxConnectionsPerAddress = 12_000
    /// `connections.max.idle.ms`: a connection that asks for nothing is closed after this time.
    public var idleTimeout = Duration.seconds(600)
    /// How long a client may take to send a request that it has begun, or to read what was sent to it: after this
    /// time without progress it is disconnected. Large requests have a second more for each MiB.
    public var stallTimeout = Duration.seconds(30)
    /// How long requests that have begun have to finish when the server stops.
    public var stopTimeout = Duration.seconds(10)
    /// `num.network.threads`: threads that read and write sockets.
    public var networkThreads = 2
    /// `num.io.threads`: threads that do the work of requests.
    public var workThreads = 4
    /// `auto.create.topics.enable`: whether a topic is created when a client that allows it asks for it.
    public var createsTopics = true
    /// `num.partitions`: how many partitions topics have for which nobody says it.
    public var defaultPartitions: Int32 = 1
    /// How many topics there may be; more are not created.
    public var maxTopics = 20_000
    /// How many partitions all topics may have together; more are not created.
    public var maxPartitions = 200_000
    /// `fetch.max.bytes`: the most that one fetch brings, if the first batch is not larger.
    public var maxFetchBytes = 55 << 20
    /// `max.incremental.fetch.session.cache.slots`: how many fetch sessions there may be.
    public var maxFetchSessions = 1_000
    /// Whether addresses are allowed that other machines can reach, without encryption and log-in, and passwords that
    /// are not encrypted.
    public var isInsecure = false
    /// `ssl.*`: the certificates for addresses that are encrypted.
    public var tls: TLSOptions?
    /// How long a client may take to log in.
    public var logInTimeout = Duration.seconds(30)
    /// `connection.failed.authentication.delay.ms`: how long the answer to a failed log-in is held back.
    public var failedLogInDelay = Duration.seconds(1)
    /// `connections.max.reauth.ms`: how long a log-in is valid, after which the client has to log in again; nil: as
    /// long as its connection.
    public var logInLifetime: Duration?
    /// Whether clients may do only what access rules allow them.
    public var checksAccess = false
    /// `super.users`: the names of those who may do everything. Naming one turns access lists on.
    public var superUsers: Set<String> = []
    /// Whether only the first half of an answer's last batch is sent, if there are several. Kafka's broker may do so
    /// where an answer has reached its limit. For tests.
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

    /// Whether the address is encrypted and closed to strangers.
    func protects(_ address: ListenAddress) -> Bool {
        switch address.security {
        case .saslSSL: true
        case .ssl: tls?.clientCertificates == .required
        case .plaintext, .saslPlaintext: false
        }
    }

    /// How clients of an address may log in. Passwords go over the wire only if it is encrypted.
    func logInMechanisms(_ security: SecurityProtocol) -> [LogInMechanism] {
        guard security.requiresLogIn else { return [] }
        let plain: [LogInMechanism] = security.isEncrypted || isInsecure ? [.plain] : []
        return plain + [.scram(.sha256), .scram(.sha512)]
    }
}
