import ArgumentParser
import MoldauClient
import MoldauRecords

/// `moldau transactions describe`.
struct TransactionsDescribe: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Prints what is known of transactional ids.")

    @OptionGroup var place: ClusterPlace

    @Option(name: .customLong("transactional-id"), help: "A transactional id. May be repeated.")
    var ids: [String]

    @OptionGroup var form: OutputForm

    func run() throws {
        try place.withAdmin { [self] admin in
            var table = Table(
                "TRANSACTIONAL-ID", "PRODUCER-ID", "PRODUCER-EPOCH", "STATE", "TIMEOUT-MS", "START-TIME-MS",
                "PARTITIONS")
            for (id, found) in try await admin.describeTransactions(ids).all().sorted(on: \.key) {
                let partitions = found.partitions.sorted().map(\.description).joined(separator: ",")
                table.add(
                    .text(id), .number(found.producerID), .number(Int64(found.producerEpoch)), .text(found.state),
                    .number(found.timeout.milliseconds),
                    found.startTime.map { .number($0.ms) } ?? .missing,
                    partitions.isEmpty ? .missing : .text(partitions))
            }
            try form.write(table)
        }
    }
}
