/// The server's certificate, and whether it asks clients for theirs.
public struct TLSOptions: Sendable {
    /// Whether clients must present certificates: Kafka's `ssl.client.auth`.
    public enum ClientCertificates: String, Sendable, CaseIterable {
        /// No certificate is requested.
        case none
        /// A certificate is requested; clients that present one are identified by it.
        case requested
        /// Clients without a certificate are rejected.
        case required
    }

    /// A file with the server's certificate and the intermediate certificates up to its authority, as PEM.
    public var certificatePath: String
    /// A file with the certificate's private key, as PEM, without a password.
    public var keyPath: String
    /// A file with the certificates of the authorities that have signed clients' certificates, as PEM.
    public var clientAuthorityPath: String?
    /// Whether clients must present certificates; `.requested` and `.required` need `clientAuthorityPath`.
    public var clientCertificates: ClientCertificates

    /// By default no certificates are requested from clients.
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
