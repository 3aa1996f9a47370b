import Foundation
import ProgramSupport
import Testing

/// `bank-transfer`, run the way users run it, against balances computed by a Python program.
struct BankTransferTests {
    private let bank = BuiltProgram("bank-transfer")

    @Test func `a second run continues from the first, and all balances are correct`() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "bank-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let options = ["--data", directory.path, "--accounts", "50", "--threads", "2", "--durability", "os"]
        for transfers in [1_000, 1_500] {
            let outcome = try bank.run(options + ["--transfers", "\(transfers)", "--guarantee", "exactly-once"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(
                outcome.output
                    == "\(transfers) transfers between 50 accounts; 0 cents came from nowhere; 0 balances are wrong\n")
        }
        // Transfers of another seed differ from those in the topic.
        let outcome = try bank.run(options + ["--transfers", "1500", "--seed", "2"])
        #expect(outcome.status != 0)
        #expect(outcome.output.contains("balances are wrong\n  account"))
    }

    @Test func `no cent is lost or created when the program is killed`() throws {
        let script = BuiltProgram.repository.appending(path: "Tests/Tools/kill_bank_transfer.py").path
        let options = ["--program", bank.url.path, "--kills", "20", "--transfers", "20000", "--longest", "0.4"]
        let outcome = try BuiltProgram(path: "/usr/bin/env").run(["python3", script] + options)
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("20 kills"))
        #expect(outcome.output.contains("0 balances are wrong; the sum is 0"))
    }
}
