/// How a client connects to its cluster. Names and defaults are Kafka's.
public struct ClientOptions: Sendable {
    /// `bootstrap.servers`: the brokers from which the client first learns of all others.
    public var bootstrapServers: [BrokerAddress]
    /// `client.id`: the client's name in the broker's logs.
    public var clientID = "moldau"
    /// `request.timeout.ms`: how long a broker may take to answer. After that the connection is closed.
    public var requestTimeout = Duration.seconds(30)
    /// `socket.connection.setup.timeout.ms`: how long connecting may take.
    public var connectTimeout = Duration.seconds(10)
    /// `reconnect.backoff.ms`: the pause before reconnecting to a broker that could not be reached. It doubles each
    /// time, and is varied randomly by up to a fifth.
    public var reconnectBackoff = Duration.milliseconds(50)
    /// `reconnect.backoff.max.ms`: the longest such pause.
    public var reconnectBackoffMax = Duration.seconds(1)
    /// `retry.backoff.ms`: the pause before a retry. It doubles each time, and is varied randomly by up to a fifth.
    public var retryBackoff = Duration.milliseconds(100)
    /// `retry.backoff.max.ms`: the longest such pause.
    public var retryBackoffMax = Duration.seconds(1)
    /// `metadata.max.age.ms`: after this time the cluster's metadata is fetched again.
    public var metadataMaxAge = Duration.seconds(300)
    /// `allow.auto.create.topics`: whether brokers may create unknown topics that are requested.
    package var createsTopics = true
    /// `security.protocol` and `ssl.*`: nil for unencrypted connections.
    public var tls: ClientTLS?
    /// `sasl.*`: nil for no log-in.
    public var logIn: ClientLogIn?
    /// A transport other than sockets; nil for sockets.
    package var transport: (any FrameTransport)?
    /// Security settings that were set by name.
    var security = ClientSecurity()

    /// A client with these bootstrap brokers.
    public init(bootstrapServers: [BrokerAddress]) { self.bootstrapServers = bootstrapServers }

    /// A client with these bootstrap brokers: `HOST:PORT`, several separated by commas.
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

/// The encryption of connections. Supports TLS 1.2 and 1.3, and always verifies the broker's certificate and name.
public struct ClientTLS: Sendable {
    /// `ssl.truststore.location`: a PEM file with the certificates of trusted authorities; nil for the system's.
    public var authorityPath: String?
    /// `ssl.keystore.certificate.chain`: a PEM file with the client's own certificate; nil for none.
    public var certificatePath: String?
    /// `ssl.keystore.key`: a PEM file with the private key of that certificate.
    public var keyPath: String?

    /// Encryption, by default without a client certificate.
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
        /// The password is sent in clear: use only with encryption.
        case plain = "PLAIN"
        /// Both sides prove that they know the password, without sending it.
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

    /// A user's log-in with a mechanism and a password.
    public init(_ mechanism: Mechanism, user: String, password: String) {
        self.mechanism = mechanism
        self.user = user
        self.password = password
    }

    /// PLAIN's only message (RFC 4616).
    var plainMessage: [UInt8] { [0] + Array(user.utf8) + [0] + Array(password.utf8) }
}
