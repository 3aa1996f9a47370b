import ArgumentParser
import MoldauServer

/// The options of `moldau broker` about who gets in, and what they may do.
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
            throw ValidationError("--tls-certificate and --tls-key are given together")
        }
        if certificate == nil, clientAuthority != nil || clientCertificates != nil {
            throw ValidationError(
                "clients show certificates to a server that has one: give --tls-certificate and --tls-key")
        }
        if let clientCertificates, TLSOptions.ClientCertificates(rawValue: clientCertificates) == nil {
            throw ValidationError("--tls-client-certificates takes none, requested or required")
        }
    }

    func fill(_ options: inout ServerOptions) {
        options.superUsers = Set(superUsers)
        options.checksAccess = accessLists
        guard let certificate, let key else { return }
        options.tls = TLSOptions(
            certificatePath: certificate, keyPath: key, clientAuthorityPath: clientAuthority,
            // Who names authorities wants certificates.
            clientCertificates: clientCertificates.flatMap(TLSOptions.ClientCertificates.init)
                ?? (clientAuthority == nil ? .none : .required))
    }
}
