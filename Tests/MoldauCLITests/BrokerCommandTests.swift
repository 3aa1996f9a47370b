import Foundation
import ProgramSupport
import Testing

/// `moldau broker`, run the way users run it. Its answers to clients are tested in MoldauServerTests.
struct BrokerCommandTests {
    private let moldau = BuiltProgram("moldau")

    @Test func `prints and stores its address until it is interrupted`() throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            let broker = try moldau.start(["broker", "--data", data, "--listen", "127.0.0.1:0"], in: directory)
            defer { broker.kill() }
            _ = try broker.firstLine()
            let address = try broker.outputSoFar().dropFirst("listening on ".count)
            #expect(address.wholeMatch(of: /127\.0\.0\.1:[1-9]\d*\n/) != nil)
            let note = "\(data)/topics/listening"
            #expect(try String(contentsOfFile: note, encoding: .utf8) == address)

            let other = try moldau.run([
                "broker", "--data", directory.appending(path: "other").path, "--listen", String(address.dropLast()),
            ])
            #expect(other.status != 0)
            #expect(other.errors.contains("another program listens on \(address.dropLast())"), "\(other.errors)")

            broker.interrupt()
            let outcome = try broker.wait()
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(!FileManager.default.fileExists(atPath: note))
        }
    }

    @Test(arguments: [
        (["--listen", "0.0.0.0:0"], "allow it with '--insecure'"),
        (["--listen", "192.0.2.1:0", "--insecure"], "nothing can listen on 192.0.2.1:0"),
        (["--listen", "9092"], "--listen takes ADDRESS:PORT"), (["--durability", "never"], "'sync' or 'os'"),
        (["--listen", "SSL://0.0.0.0:0"], "allow it with '--insecure'"),
        (["--listen", "SASL_SSL://127.0.0.1:0"], "needs a certificate and its key"),
        (["--listen", "TLS://127.0.0.1:0"], "--listen takes ADDRESS:PORT"),
        (["--tls-key", "k"], "have to be given together"), (["--tls-client-ca", "a"], "give --tls-certificate"),
        (["--partitions", "0"], "--partitions is at least 1"),
    ])
    func `reports invalid options`(options: [String], sentence: String) throws {
        try withTemporaryDirectory { directory in
            let outcome = try moldau.run(["broker", "--data", directory.appending(path: "data").path] + options)
            #expect(outcome.status != 0)
            #expect(outcome.errors.contains(sentence), "\(outcome.errors)")
        }
    }
}
