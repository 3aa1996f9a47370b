import ArgumentParser
import MoldauServer

/// The options of `moldau broker` for authentication and authorization.
struct SecurityOptions: ParsableArguments {
    @Option(
        name: .customLong("tls-certificate"),
        help: "A PEM file with the server's certificate and its chain, for SSL and SASL_SSL.")
    var certificate: String?

    @Option(name: .customLong("tls-key"), help: "A PEM file with the certificate's private key.")
    var key: String?

    @Option(
        name: .customLong("tls-client-ca"), help: "A PEM file with the authorities of clients' certificates.")
    var clientAuthority: String?

    @Option(
        name: .customLong("tls-client-certificates"),
        help: "Whether clients show certificates: none, requested or required.")
    var clientCertificates: String?

    @Option(
        name: .customLong("super-user"),
        help: "A user who may do everything, and who turns access lists on. May be repeated.")
    var superUsers: [String] = []

    @Flag(name: .customLong("access-lists"), help: "Let clients do only what access rules allow them.")
    var accessLists = false

    func validate() throws {
        if (certificate == nil) != (key == nil) {
            throw ValidationError("--tls-certificate and --tls-key have to be given together")
        }
        if let clientCertificates, TLSOptions.ClientCertificates(rawValue: clientCertificates) == nil {
            throw ValidationError("--tls-client-certificates takes none, requested or required")
        }
    }

    /// The options by the names of their settings.
    var given: [String: String] {
        var given: [String: String] = [:]
        given["ssl.keystore.certificate.chain"] = certificate
        given["ssl.keystore.key"] = key
        given["ssl.truststore.location"] = clientAuthority
        // Naming an authority implies that clients need certificates.
        given["ssl.client.auth"] = clientCertificates ?? (clientAuthority == nil ? nil : "required")
        if !superUsers.isEmpty { given["super.users"] = superUsers.map { "User:\($0)" }.joined(separator: ";") }
        if accessLists { given["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer" }
        return given
    }
}
