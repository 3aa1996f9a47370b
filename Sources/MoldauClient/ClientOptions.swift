/// How a client finds and reaches its cluster. Names and defaults are Kafka's.
public struct ClientOptions: Sendable {
    /// `bootstrap.servers`: brokers to ask first which brokers there are.
    public var bootstrapServers: [BrokerAddress]
    /// `client.id`: what the client calls itself in the broker's logs.
    public var clientID = "moldau"
    /// `request.timeout.ms`: how long a broker may take to answer. Without an answer the connection is closed.
    public var requestTimeout = Duration.seconds(30)
    /// `socket.connection.setup.timeout.ms`: how long making a connection may take.
    public var connectTimeout = Duration.seconds(10)
    /// `reconnect.backoff.ms`: the pause before a broker is tried again that could not be reached. It doubles each
    /// time, and a fifth of it is random.
    public var reconnectBackoff = Duration.milliseconds(50)
    /// `reconnect.backoff.max.ms`: the longest such pause.
    public var reconnectBackoffMax = Duration.seconds(1)
    /// `retry.backoff.ms`: the pause before a request is repeated. It doubles each time, and a fifth of it is random.
    public var retryBackoff = Duration.milliseconds(100)
    /// `retry.backoff.max.ms`: the longest such pause.
    public var retryBackoffMax = Duration.seconds(1)
    /// `metadata.max.age.ms`: how old what is known of the cluster may become.
    public var metadataMaxAge = Duration.seconds(300)
    /// `allow.auto.create.topics`: whether brokers may create topics that are asked for.
    package var createsTopics = true
    /// `security.protocol` and `ssl.*`: nil for connections that are not encrypted.
    public var tls: ClientTLS?
    /// `sasl.*`: nil for no log-in.
    public var logIn: ClientLogIn?
    /// Another way to the brokers than sockets.
    package var transport: (any FrameTransport)?
    /// What was set by name.
    var security = ClientSecurity()

    /// A client of the cluster to which these brokers belong.
    public init(bootstrapServers: [BrokerAddress]) { self.bootstrapServers = bootstrapServers }

    /// A client of the cluster to which these brokers belong: `HOST:PORT`, several separated by commas.
    /// - Throws: `ClientError.invalidSetting`.
    public init(bootstrapServers text: String) throws(ClientError) {
        var addresses: [BrokerAddress] = []
        for part in text.split(separator: ",") {
            let name = String(part).filter { !$0.isWhitespace }
            guard let address = BrokerAddress(name) else {
                throw .invalidSetting("bootstrap.servers", reason: "'\(name)' is not HOST:PORT")
            }
            addresses.append(address)
        }
        guard !addresses.isEmpty else { throw .invalidSetting("bootstrap.servers", reason: "it names no broker") }
        self.init(bootstrapServers: addresses)
    }
}

/// How connections are encrypted. TLS 1.2 and 1.3 are spoken; the broker's certificate and name are always checked.
public struct ClientTLS: Sendable {
    /// `ssl.truststore.location`: a file with the certificates of the authorities that are trusted, as PEM; nil for
    /// those of the system.
    public var authorityPath: String?
    /// `ssl.keystore.certificate.chain`: a file with the client's own certificate, as PEM; nil for none.
    public var certificatePath: String?
    /// `ssl.keystore.key`: a file with the private key of that certificate, as PEM.
    public var keyPath: String?

    /// Encrypted, without a certificate of the client's own.
    public init(authorityPath: String? = nil, certificatePath: String? = nil, keyPath: String? = nil) {
        self.authorityPath = authorityPath
        self.certificatePath = certificatePath
        self.keyPath = keyPath
    }
}

/// How a client logs in by SASL.
public struct ClientLogIn: Sendable {
    /// `sasl.mechanism`.
    public enum Mechanism: String, Sendable, CaseIterable {
        /// The password is sent as it is: for encrypted connections only.
        case plain = "PLAIN"
        /// Both sides show that they know the password, without sending it.
        case scramSHA256 = "SCRAM-SHA-256"
        /// The same, with longer hashes.
        case scramSHA512 = "SCRAM-SHA-512"
    }

    /// `sasl.mechanism`.
    public var mechanism: Mechanism
    /// The name of the user.
    public var user: String
    /// The password.
    public var password: String

    /// A user and the way to log in.
    public init(_ mechanism: Mechanism, user: String, password: String) {
        self.mechanism = mechanism
        self.user = user
        self.password = password
    }

    /// PLAIN's only message (RFC 4616).
    var plainMessage: [UInt8] { [0] + Array(user.utf8) + [0] + Array(password.utf8) }
}
