import ArgumentParser
import Foundation
import Moldau

/// What a worker does. The name is the application's id.
enum WorkerProgram: String, ExpressibleByArgument {
    /// Counts the words of `lines` in `counts`. A line "wait" takes until there is no file `wait` in the directory.
    case words
    /// Moves money: each record of `transfers`, "from to cents", becomes two movements, whose accounts may be in other
    /// partitions. A balance is the sum of an account's movements.
    case bank

    func topology() throws -> Topology {
        switch self {
        case .words:
            try Topology { streams in
                streams.stream(Topic<String, String>("lines"))
                    .flatMapValues { line in
                        while line == "wait", FileManager.default.fileExists(atPath: line) { usleep(1_000) }
                        return line.split(separator: " ").map(String.init)
                    }
                    .groupBy { _, word in word }
                    .count(as: TableStoreName<String, Int64>("counts"))
                    .toStream()
                    .to(Topic<String, Int64>("counts"))
            }
        case .bank:
            try Topology { streams in
                streams.stream(Topic<String, String>("transfers"))
                    .flatMap { _, transfer in Self.movements(transfer) }
                    .groupByKey(named: "movements")
                    .reduce(as: TableStoreName<String, Int64>("balances")) { $0 + $1 }
                    .toStream()
                    .to(Topic<String, Int64>("balances"))
            }
        }
    }

    private static func movements(_ transfer: String) -> [(String, Int64)] {
        let parts = transfer.split(separator: " ")
        guard parts.count == 3, let cents = Int64(parts[2]) else { return [] }
        return [(String(parts[0]), -cents), (String(parts[1]), cents)]
    }
}
