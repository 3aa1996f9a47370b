import Moldau

/// A transfer of money from one account to another.
struct Transfer: JSONStreamCodable, Equatable {
    let from: Int32
    let to: Int32
    let cents: Int64
}

/// Each transfer becomes two movements, whose accounts may be on different partitions; a balance is the sum of an
/// account's movements.
enum BankTopology {
    static let id = "bank-transfer"
    static let transfers = Topic<Int64, Transfer>("transfers")
    static let balances = Topic<Int32, Int64>("balances")

    static func make() throws -> Topology {
        try Topology { streams in
            streams.stream(transfers)
                .flatMap { _, transfer in [(transfer.from, -transfer.cents), (transfer.to, transfer.cents)] }
                .groupByKey(named: "movements")
                .reduce(as: TableStoreName("balances")) { $0 + $1 }
                .toStream()
                .to(balances)
        }
    }
}
