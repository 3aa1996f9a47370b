import ArgumentParser
import MoldauClient

/// `moldau transactions list`.
struct TransactionsList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Prints the transactional ids, and what state each is in.")

    @OptionGroup var place: ClusterPlace

    @Option(name: .customLong("state"), help: "Only those in this state: Ongoing for example. May be repeated.")
    var states: [String] = []

    @OptionGroup var form: OutputForm

    func run() throws {
        try place.withAdmin { [self] admin in
            var table = Table("TRANSACTIONAL-ID", "PRODUCER-ID", "STATE")
            for listed in try await admin.listTransactions(states: states) {
                table.add(.text(listed.transactionalID), .number(listed.producerID), .text(listed.state))
            }
            try form.write(table)
        }
    }
}
