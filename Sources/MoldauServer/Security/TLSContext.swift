internal import Foundation
internal import NIOSSL

/// Creates the TLS context that the connections of encrypted addresses share, for TLS 1.2 and 1.3.
enum TLSContext {
    /// Reads the files from the options.
    /// - Throws: `ServerError.tls`.
    static func make(_ options: TLSOptions) throws(ServerError) -> NIOSSLContext {
        let chain = try certificates(in: options.certificatePath, "the server's certificate")
        guard !chain.isEmpty else {
            throw .tls(reason: "there is no certificate in '\(options.certificatePath)'; it has to be a PEM file")
        }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(file: options.keyPath, format: .pem)
        } catch {
            throw .tls(
                reason:
                    "the private key in '\(options.keyPath)' cannot be read (\(error)); it has to be PEM without a password"
            )
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        if options.clientCertificates != .none {
            guard let path = options.clientAuthorityPath else {
                throw .tls(
                    reason: "clients' certificates can be checked only with those of their authorities: give a file "
                        + "that has these (ssl.truststore.location, --tls-client-ca)")
            }
            configuration.trustRoots = .certificates(try certificates(in: path, "the authorities of clients"))
            configuration.certificateVerification =
                options.clientCertificates == .required ? .noHostnameVerification : .optionalVerification
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .tls(
                reason:
                    "the certificate in '\(options.certificatePath)' and the key in '\(options.keyPath)' cannot be used "
                    + "together: \(error)")
        }
    }

    private static func certificates(in path: String, _ what: String) throws(ServerError) -> [NIOSSLCertificate] {
        guard FileManager.default.isReadableFile(atPath: path) else {
            throw .tls(reason: "the file '\(path)' for \(what) does not exist, or cannot be read")
        }
        do {
            return try NIOSSLCertificate.fromPEMFile(path)
        } catch {
            throw .tls(reason: "\(what) in '\(path)' cannot be read (\(error)); it has to be a PEM file")
        }
    }

    /// Whether users other than the owner may read the file.
    static func isReadableByOthers(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        guard let permissions = attributes?[.posixPermissions] as? NSNumber else { return false }
        return permissions.intValue & 0o044 != 0
    }
}
