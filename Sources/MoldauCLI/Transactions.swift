import ArgumentParser

/// `moldau transactions`: lists, describes and aborts transactions.
struct Transactions: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists, describes and aborts transactions.",
        subcommands: [TransactionsList.self, TransactionsDescribe.self, TransactionsAbort.self])
}
