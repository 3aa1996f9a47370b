import Foundation
import ProgramSupport
import Testing

/// Settings from files, the environment and options.
struct ConfigCommandTests {
    private let moldau = BuiltProgram("moldau")

    /// Runs the program with variables of the environment.
    private func run(_ variables: [String], _ arguments: [String]) throws -> BuiltProgram.Outcome {
        try BuiltProgram(path: "/usr/bin/env").run(variables + [moldau.url.path] + arguments)
    }

    /// The value and source of a setting.
    private func setting(_ name: String, _ output: String) throws -> [String] {
        let rows = try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]])
        let row = try #require(rows.first { $0["name"] as? String == name })
        return [row["value"] as? String ?? "none", row["source"] as? String ?? ""]
    }

    @Test func `options override the environment, which overrides files`() throws {
        try withTemporaryDirectory { directory in
            let file = directory.appending(path: "server.properties")
            try Data("num.partitions=2\nnum.io.threads=7\nmax.connections=9\nlog.dirs=/tmp/x\n".utf8).write(to: file)
            let outcome = try run(
                ["MOLDAU_BROKER_NUM_PARTITIONS=3", "MOLDAU_BROKER_NUM_IO_THREADS=8"],
                ["config", "broker", "--config", file.path, "--partitions", "4", "--json"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(try setting("num.partitions", outcome.output) == ["4", "command line"])
            #expect(try setting("num.io.threads", outcome.output) == ["8", "environment"])
            #expect(try setting("max.connections", outcome.output) == ["9", "file '\(file.path)'"])
            #expect(try setting("log.dirs", outcome.output) == ["/tmp/x", "file '\(file.path)'"])
            #expect(try setting("num.network.threads", outcome.output) == ["2", "default"])
        }
    }

    @Test func `client settings are printed without secrets`() throws {
        let outcome = try run(
            ["MOLDAU_CLIENT_SASL_PASSWORD=hush"],
            [
                "config", "client", "--of", "client", "--of", "producer", "--command-property", "acks=1",
                "--command-property", "security.protocol=sasl_ssl", "--command-property", "sasl.mechanism=PLAIN",
                "--command-property", "sasl.username=ann", "--bootstrap-server", "h:1,h:2", "--json",
            ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try setting("bootstrap.servers", outcome.output) == ["h:1,h:2", "command line"])
        #expect(try setting("security.protocol", outcome.output) == ["SASL_SSL", "--command-property"])
        #expect(try setting("sasl.password", outcome.output) == ["[hidden]", "environment"])
        #expect(try setting("acks", outcome.output) == ["1", "--command-property"])
        #expect(try setting("linger.ms", outcome.output) == ["5", "default"])
        #expect(!outcome.output.contains("hush"))
    }

    @Test func `commands get broker addresses from the environment`() throws {
        try withTemporaryDirectory { directory in
            let broker = try moldau.start(
                ["broker", "--data", directory.appending(path: "data").path, "--override", "listeners=127.0.0.1:0"],
                in: directory)
            defer { broker.kill() }
            let address = try broker.firstLine().dropFirst("listening on ".count)
            let variable = "MOLDAU_CLIENT_BOOTSTRAP_SERVERS=\(address)"
            #expect(try run([variable], ["topics", "create", "orders"]).status == 0)
            #expect(try run([variable], ["topics", "list"]).output == "orders\n")
        }
    }

    @Test func `a broker is configured by a file`() throws {
        try withTemporaryDirectory { directory in
            let (data, file) = (directory.appending(path: "data").path, directory.appending(path: "server.properties"))
            let text = "log.dirs=\(data)\nlisteners=PLAINTEXT://127.0.0.1:0\nnum.partitions=5\n"
            try Data(text.utf8).write(to: file)
            let broker = try moldau.start(["broker", "--config", file.path], in: directory)
            defer { broker.kill() }
            _ = try broker.firstLine()
            let all = try moldau.expectSuccess(["configs", "describe", "--broker", "1", "--all", "--data", data])
            #expect(all.contains("  num.partitions=5 "))
        }
    }

    @Test(arguments: [
        (
            ["broker", "--override", "num.partition=2"],
            "unknown setting 'num.partition' (--override); did you mean 'num.partitions'?"
        ),
        (
            ["broker", "--override", "num.partitions=0"],
            "--override: the setting num.partitions takes a whole number, at least 1, not '0'"
        ),
        (["broker", "--override", "ssl.client.auth=required"], "ssl.keystore.certificate.chain and ssl.keystore.key"),
        (["broker", "--override", "advertised.listeners=SSL://h:1"], "addresses of the kinds that 'listeners' has"),
        (
            ["client", "--command-property", "linger=2"],
            "unknown setting 'linger' (--command-property); did you mean 'linger.ms'?"
        ),
        (
            ["client", "--command-property", "enable.idempotence=yes"],
            "enable.idempotence takes true or false, not 'yes'"
        ),
    ])
    func `unknown and invalid settings are refused with a suggestion or the valid values`(
        options: [String], sentence: String
    ) throws {
        try moldau.expectFailure(["config"] + options, says: sentence)
    }

    @Test func `a misspelt environment variable is reported by its own name`() throws {
        let outcome = try run(["MOLDAU_BROKER_NUM_PARTITION=2"], ["config", "broker"])
        #expect(outcome.status != 0)
        #expect(
            outcome.errors.contains(
                "unknown setting 'MOLDAU_BROKER_NUM_PARTITION' (environment); did you mean 'num.partitions'?"),
            "\(outcome.errors)")
    }
}
