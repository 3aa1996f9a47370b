internal import MoldauRecords

/// The certificates of a server, as set by name.
struct ServerCertificates: NamedSettings, Sendable {
    var certificatePath: String?
    var keyPath: String?
    var keyType: String?
    var authorityPath: String?
    var authorityType: String?
    var clientCertificates: TLSOptions.ClientCertificates?

    static let namedSettings: [NamedSetting<ServerCertificates>] = [
        .text("ssl.keystore.certificate.chain", \.certificatePath), .text("ssl.keystore.key", \.keyPath),
        .text("ssl.keystore.type", \.keyType), .text("ssl.truststore.location", \.authorityPath),
        .text("ssl.truststore.type", \.authorityType),
        .choice(
            "ssl.client.auth", \.clientCertificates,
            TLSOptions.ClientCertificates.allCases.map { ($0.rawValue, $0) }),
    ]

    /// Sets the certificates, if any are set by name; otherwise `tls` is unchanged.
    /// - Throws: `ServerError.tls`.
    func settle(_ tls: inout TLSOptions?) throws(ServerError) {
        for type in [keyType, authorityType].compactMap({ $0 }) where type != "PEM" {
            throw .tls(reason: "Java's key stores (\(type)) cannot be read: the type has to be PEM")
        }
        guard let certificatePath, let keyPath else {
            if certificatePath == nil, keyPath == nil, authorityPath == nil,
                clientCertificates ?? TLSOptions.ClientCertificates.none == .none
            {
                return
            }
            throw .tls(
                reason: "both ssl.keystore.certificate.chain and ssl.keystore.key have to be set: "
                    + "give --tls-certificate and --tls-key")
        }
        tls = TLSOptions(
            certificatePath: certificatePath, keyPath: keyPath, clientAuthorityPath: authorityPath,
            clientCertificates: clientCertificates ?? TLSOptions.ClientCertificates.none)
    }
}
