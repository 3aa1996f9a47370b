import Foundation
import ProgramSupport
import Testing

/// The commands, run as users run them.
struct CommandTests {
    private let moldau = BuiltProgram("moldau")

    /// A data directory with the topic `orders` of two partitions.
    private func withOrders(_ body: (_ data: String) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            let data = directory.appending(path: "data").path
            try expectSuccess([
                "topics", "create", "orders", "--partitions", "2", "--set", "retention.ms=-1", "--data", data,
            ])
            try body(data)
        }
    }

    @discardableResult
    private func expectSuccess(
        _ arguments: [String], input: String? = nil, at location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let outcome = try moldau.run(arguments, input: input)
        #expect(outcome.status == 0, "\(outcome.errors)", sourceLocation: location)
        return outcome.output
    }

    private func expectFailure(
        _ arguments: [String], input: String? = nil, says sentence: String,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let outcome = try moldau.run(arguments, input: input)
        #expect(outcome.status != 0, sourceLocation: location)
        #expect(outcome.errors.contains(sentence), "\(outcome.errors)", sourceLocation: location)
    }

    // MARK: Topics

    @Test func `creates, lists, describes and deletes topics`() throws {
        try withOrders { data in
            try expectSuccess(["topics", "create", "customers", "--data", data])
            #expect(try expectSuccess(["topics", "list", "--data", data]) == "customers\norders\n")
            let description = try expectSuccess(["topics", "describe", "orders", "--data", data])
            #expect(
                description == """
                    orders: partitions 2, offsets held 0
                      retention.ms=-1
                      partition 0: offsets 0 up to, not including, 0
                      partition 1: offsets 0 up to, not including, 0

                    """)
            try expectSuccess(["topics", "delete", "customers", "--data", data])
            #expect(try expectSuccess(["topics", "list", "--data", data]) == "orders\n")
        }
    }

    @Test func `refuses a topic that is there, and a name that is none`() throws {
        try withOrders { data in
            try expectFailure(
                ["topics", "create", "orders", "--data", data], says: "the topic 'orders' exists already")
            try expectFailure(["topics", "create", "a b", "--data", data], says: "'a b' cannot be created")
        }
    }

    // MARK: Records

    @Test func `prints what was written, with all that is asked for`() throws {
        try withOrders { data in
            try expectSuccess(
                [
                    "produce", "orders", "--data", data, "--key-separator", ":", "--partition", "1", "--timestamp",
                    "1700000000000",
                    "--header", "source=test", "--null", "-",
                ], input: "a:1\nb:2:3\nc:-\n")
            let all = ["--partitions", "--offsets", "--timestamps", "--headers", "--keys"]
            #expect(
                try expectSuccess(["consume", "orders", "--data", data] + all) == """
                    1\t0\t1700000000000\tsource=test\ta\t1
                    1\t1\t1700000000000\tsource=test\tb\t2:3
                    1\t2\t1700000000000\tsource=test\tc\tnull

                    """)
        }
    }

    @Test(arguments: [
        (["--offset", "1", "--partition", "0"], "two\nthree\n"),
        (["--from-beginning", "--max-messages", "2"], "one\ntwo\n"),
        (["--partition", "1"], ""),
    ])
    func `begins and ends where it is told to`(options: [String], printed: String) throws {
        try withOrders { data in
            try expectSuccess(["produce", "orders", "--data", data, "--partition", "0"], input: "one\ntwo\nthree\n")
            #expect(try expectSuccess(["consume", "orders", "--data", data] + options) == printed)
        }
    }

    @Test func `reads and writes numbers and bytes`() throws {
        try withOrders { data in
            try expectSuccess(
                ["produce", "orders", "--data", data, "--value-type", "int64", "--partition", "0"], input: "-7\n")
            try expectSuccess(
                ["produce", "orders", "--data", data, "--value-type", "hex", "--partition", "0"],
                input: "0000000000000102\n")
            #expect(try expectSuccess(["consume", "orders", "--data", data, "--value-type", "int64"]) == "-7\n258\n")
            #expect(
                try expectSuccess(["consume", "orders", "--data", data, "--value-type", "hex"])
                    == "fffffffffffffff9\n0000000000000102\n")
        }
    }

    @Test func `equal keys go to one partition`() throws {
        try withOrders { data in
            let lines = (0..<100).map { "key-\($0 % 10):\($0)\n" }.joined()
            try expectSuccess(["produce", "orders", "--data", data, "--key-separator", ":"], input: lines)
            let printed = try expectSuccess(["consume", "orders", "--data", data, "--partitions", "--keys"])
            let pairs = Set(
                printed.split(separator: "\n").map { $0.split(separator: "\t").prefix(2).joined(separator: " ") })
            #expect(pairs.count == 10)
            #expect(Set(pairs.map { $0.prefix(1) }) == ["0", "1"])
        }
    }

    // MARK: Errors

    @Test func `says what to do where there are no data`() throws {
        try expectFailure(
            ["topics", "list", "--data", "/nowhere/at/all"],
            says: "there is no directory '/nowhere/at/all'; give an application's")
        try withTemporaryDirectory { directory in
            try expectFailure(["consume", "orders", "--data", directory.path], says: "holds no topics")
        }
    }

    @Test func `names the topics that there are`() throws {
        try withOrders { data in
            try expectFailure(
                ["consume", "order", "--data", data], says: "there is no topic 'order'; there are: orders")
            try expectFailure(
                ["produce", "orders", "--partition", "2", "--data", data],
                says: "no partition 2: orders has 2, counted from 0")
        }
    }

    @Test func `says which line cannot be written`() throws {
        try withOrders { data in
            try expectFailure(
                ["produce", "orders", "--value-type", "int64", "--data", data], input: "1\n2\nthree\n",
                says: "the value 'three' in line 3 is not a whole number of 64 bits; the 2 lines before it are written")
            try expectFailure(
                ["produce", "orders", "--key-separator", "=>", "--data", data], input: "a=>1\nb\n",
                says: "line 2 has no '=>' between key and value")
        }
    }

    @Test func `says which process has the directory`() throws {
        try withOrders { data in
            try withTemporaryDirectory { directory in
                try expectSuccess(["produce", "orders", "--data", data], input: "one\n")
                let holder = try moldau.start(
                    ["consume", "orders", "--follow", "--from-beginning", "--data", data], in: directory)
                defer { holder.kill() }
                // Once it has printed the record, it has the directory.
                let limit = ContinuousClock.now + .seconds(30)
                while try holder.outputSoFar().isEmpty, ContinuousClock.now < limit {
                    Thread.sleep(forTimeInterval: 0.01)
                }
                let outcome = try moldau.run(["topics", "list", "--data", data])
                #expect(outcome.status != 0)
                #expect(outcome.errors.contains("is in use by process"))
            }
        }
    }
}
