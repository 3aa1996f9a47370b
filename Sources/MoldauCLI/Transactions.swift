import ArgumentParser

/// `moldau transactions`: those that are open, and an end for them.
struct Transactions: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists, describes and aborts transactions.",
        subcommands: [TransactionsList.self, TransactionsDescribe.self, TransactionsAbort.self])
}
