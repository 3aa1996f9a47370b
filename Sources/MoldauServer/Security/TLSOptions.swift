/// The server's certificate, and which certificates it wants from clients.
public struct TLSOptions: Sendable {
    /// Whether clients have to show certificates: Kafka's `ssl.client.auth`.
    public enum ClientCertificates: String, Sendable, CaseIterable {
        /// They are not asked.
        case none
        /// They are asked; those that show one are known by it.
        case requested
        /// Those without one are turned away.
        case required
    }

    /// A file with the server's certificate, and those between it and its authority, as PEM.
    public var certificatePath: String
    /// A file with the certificate's private key, as PEM, without a password.
    public var keyPath: String
    /// A file with the certificates of the authorities that have signed clients' certificates, as PEM.
    public var clientAuthorityPath: String?
    /// Whether clients have to show certificates; these need `clientAuthorityPath`.
    public var clientCertificates: ClientCertificates

    /// Without anything more, clients are not asked for certificates.
    public init(
        certificatePath: String, keyPath: String, clientAuthorityPath: String? = nil,
        clientCertificates: ClientCertificates = .none
    ) {
        self.certificatePath = certificatePath
        self.keyPath = keyPath
        self.clientAuthorityPath = clientAuthorityPath
        self.clientCertificates = clientCertificates
    }
}
