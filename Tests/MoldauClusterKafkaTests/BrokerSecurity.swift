import Foundation
import MoldauClusterKafka
import ProgramSupport
import Testing

/// The options of a broker that requires TLS and a password, and those of its clients.
struct BrokerSecurity {
    let arguments: [String]
    let kafka: KafkaOptions

    /// Makes a certificate for 127.0.0.1, and a user in the broker's data directory.
    init(in directory: URL, data: String) throws {
        let (certificate, key) = (
            directory.appending(path: "broker.pem").path, directory.appending(path: "key.pem").path
        )
        let openSSL = try SpawnedProcess(
            "/usr/bin/env",
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-keyout", key, "-out", certificate,
            ])
        try #require(openSSL.wait() == 0)
        let user = try BuiltProgram("moldau").run(["users", "add", "--data", data, "ann"], input: "secret\n")
        try #require(user.status == 0, "\(user.errors)")
        arguments = ["--tls-certificate", certificate, "--tls-key", key]
        var kafka = KafkaOptions()
        kafka.tls = ClientTLS(authorityPath: certificate)
        kafka.logIn = ClientLogIn(.scramSHA512, user: "ann", password: "secret")
        self.kafka = kafka
    }
}
