import ArgumentParser
import MoldauClient

/// `moldau transactions abort`.
struct TransactionsAbort: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abort", abstract: "Fences the producers of transactional ids, and aborts their transactions.",
        discussion: "A producer that still runs can do nothing more: it is told that another has taken over.")

    @OptionGroup var place: ClusterPlace

    @Option(name: .customLong("transactional-id"), help: "A transactional id. May be repeated.")
    var ids: [String]

    func run() throws {
        try place.withAdmin { [self] admin in
            // Throws for unknown ids: fencing one that does not exist would create it.
            _ = try await admin.describeTransactions(ids).all()
            try await admin.fenceProducers(ids).all()
            let output = LineOutput()
            for id in Set(ids).sorted() { try output.write("fenced \(id)") }
            try output.flush()
        }
    }
}
