import Foundation
import ProgramSupport
import Testing

/// `--console` of the examples.
struct ConsoleOptionTests {
    private static let examples = [
        ("word-count", [BuiltProgram.repository.appending(path: "LICENSE").path], ["word-counts", "license"]),
        ("bank-transfer", ["--transfers", "1000", "--accounts", "20"], ["balances", "7"]),
        ("order-enrichment", ["--orders", "500", "--customers", "20"], ["revenue"]),
    ]

    @Test(arguments: examples)
    func `the console shows the application until Control-C, and the results are the same`(
        name: String, arguments: [String], query: [String]
    ) throws {
        let program = BuiltProgram(name)
        try withTemporaryDirectory { directory in
            let running = try program.start(arguments + ["--console", "0"], in: directory)
            let end = ContinuousClock.now + .seconds(60)
            while try !running.errorsSoFar().contains("Control-C ends"), ContinuousClock.now < end { usleep(10_000) }
            let told = try running.errorsSoFar()
            let url = told.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("http://127.0.0.1:") }
            let answer = try BuiltProgram("moldau").run(
                ["query"] + query + ["--console", "\(url ?? "none in \(told)")"])
            #expect(answer.status == 0 && answer.output.split(separator: "\n").count > 1, "\(answer) \(told)")
            running.interrupt()
            let outcome = try running.wait()
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(try outcome.output == program.run(arguments).output)
        }
    }

    @Test func `a port that is in use and an invalid port are reported`() throws {
        let bank = BuiltProgram("bank-transfer")
        try withTemporaryDirectory { directory in
            let first = try bank.start(["--transfers", "10", "--console", "0"], in: directory)
            let end = ContinuousClock.now + .seconds(60)
            while try !first.errorsSoFar().contains("Control-C ends"), ContinuousClock.now < end { usleep(10_000) }
            let port = try first.errorsSoFar().split(separator: ":")[2].prefix(while: \.isNumber)
            let second = try bank.run(["--transfers", "10", "--console", "\(port)"])
            #expect(second.status == 1)
            #expect(second.errors.contains("the console cannot listen at port \(port): "), "\(second.errors)")
            #expect(second.errors.contains("--console 0 takes a free port"))
            first.interrupt()
            _ = try first.wait()
        }
        #expect(try bank.run(["--console", "65536"]).errors.contains("--console is a port, 0 to 65535, not 65536"))
    }
}
