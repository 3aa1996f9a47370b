/// How clients connect to an address, by Kafka's names.
public enum SecurityProtocol: String, Sendable, CaseIterable {
    /// Neither encryption nor a log-in.
    case plaintext = "PLAINTEXT"
    /// Encryption. Clients are identified by their certificates, if they have any.
    case ssl = "SSL"
    /// A log-in, without encryption.
    case saslPlaintext = "SASL_PLAINTEXT"
    /// Encryption, and a log-in.
    case saslSSL = "SASL_SSL"

    /// Whether everything is encrypted.
    public var isEncrypted: Bool { self == .ssl || self == .saslSSL }
    /// Whether clients log in.
    public var requiresLogIn: Bool { self == .saslPlaintext || self == .saslSSL }
}
