import Foundation
import MoldauClient
import MoldauRecords
import ProgramSupport
import Testing

/// `moldau lag` on a broker in another process, and on a directory.
struct LagCommandTests {
    private let moldau = BuiltProgram("moldau")

    /// A broker with four records in `orders`, of which the group `readers` has committed none.
    private func withGroup(_ body: (_ data: String, _ address: String) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            let broker = try moldau.start(["broker", "--data", data, "--listen", "127.0.0.1:0"], in: directory)
            defer { broker.kill() }
            let address = String(try broker.firstLine().dropFirst("listening on ".count))
            try moldau.expectSuccess(["topics", "create", "orders", "--data", data])
            try moldau.expectSuccess(["produce", "orders", "--data", data], input: "1\n2\n3\n4\n")
            try reset("--to-earliest", data)
            try body(data, address)
        }
    }

    private func reset(_ place: String, _ data: String) throws {
        try moldau.expectSuccess([
            "groups", "reset-offsets", "--group", "readers", "--topic", "orders", place, "--execute", "--data", data,
        ])
    }

    private let often = ["--samples", "3", "--interval", "0.05"]

    @Test func `one sample is too few for a judgement, and the output says so`() throws {
        try withGroup { data, address in
            let table = """
                GROUP    TOPIC   PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG  JUDGEMENT  WHY
                readers  orders  0          0               4               4    -          1 of 3 samples: a judgement needs more

                """
            #expect(try moldau.expectSuccess(["lag", "--data", data]) == table)
            #expect(try moldau.expectSuccess(["lag", "--group", "readers", "--bootstrap-server", address]) == table)
            try moldau.expectFailure(
                ["lag", "--group", "writers", "--data", data],
                says: "there is no group 'writers'; there are: readers")
        }
    }

    @Test func `a group without readers is judged stopped, and ok when nothing is left`() throws {
        try withGroup { data, address in
            let stopped = try moldau.expectSuccess(["lag"] + often + ["--bootstrap-server", address])
            #expect(stopped.contains(" stop "), "\(stopped)")
            #expect(stopped.contains("nothing was committed for 0 s; 4 offsets are left"), "\(stopped)")
            try reset("--to-latest", data)
            let well = try moldau.expectSuccess(["lag", "--json", "--data", data])
            #expect(
                well == """
                    [{"group":"readers","judgement":"ok","lag":0,"partitions":[{"committed":4,"complete":0.1,"end":4,\
                    "judgement":"ok","lag":0,"partition":0,"reason":"it has read everything","topic":"orders"}]}]

                    """)
        }
    }

    @Test func `a member that reads without committing is judged stalled`() throws {
        try withGroup { data, address in
            var options = ConsumerOptions(group: "readers")
            options.commitsAutomatically = false
            let consumer = try Consumer(
                [Topic<String?, String>("orders")], cluster: ClientOptions(bootstrapServers: address), options: options)
            #expect(try waiting { try await !consumer.poll(within: .seconds(20)).isEmpty })
            let stalled = try moldau.expectSuccess(["lag", "--group", "readers"] + often + ["--data", data])
            #expect(stalled.contains("stall      it is in the group, but stays at offset 0;"), "\(stalled)")
            try waiting { await consumer.close() }
        }
    }

    @Test func `groups of an unused directory are judged too`() throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            try moldau.expectSuccess(["topics", "create", "orders", "--data", data])
            try moldau.expectSuccess(["produce", "orders", "--data", data], input: "1\n")
            try reset("--to-earliest", data)
            let judged = try moldau.expectSuccess(["lag"] + often + ["--data", data])
            #expect(judged.contains("stop       nothing was committed for 0 s; 1 offset is left"), "\(judged)")
        }
    }

    @Test func `--watch prints after each sample`() throws {
        try withGroup { data, _ in
            try withTemporaryDirectory { directory in
                let watching = try moldau.start(
                    ["lag", "--watch", "--interval", "0.05", "--data", data], in: directory)
                defer { watching.kill() }
                let limit = ContinuousClock.now + .seconds(30)
                while try !watching.outputSoFar().contains(" stop "), ContinuousClock.now < limit {
                    try waiting { try await Task.sleep(for: .milliseconds(10)) }
                }
                let output = try watching.outputSoFar()
                #expect(output.contains("1 of 3 samples") && output.contains("2 of 3 samples"), "\(output)")
                #expect(output.contains(" stop "), "\(output)")
            }
        }
    }

    @Test(arguments: [
        (["--samples", "0"], "--samples is at least 1"),
        (["--interval", "0"], "--interval takes seconds from 0.01 to 86400"),
        (["--interval", "nan"], "--interval takes seconds from 0.01 to 86400"),
    ])
    func `reports invalid options`(options: [String], sentence: String) throws {
        try moldau.expectFailure(["lag", "--data", "d"] + options, says: sentence)
    }
}
