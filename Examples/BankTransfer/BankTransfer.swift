import ArgumentParser
import ExampleConsole
import ExampleSupport
import Foundation
import Moldau

/// `bank-transfer`: moves money between accounts, and checks that none is lost and none is created.
@main
struct BankTransfer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bank-transfer",
        abstract: "Moves made-up money between accounts, and checks every balance.",
        discussion: """
            Transfers are made from the seed. With --data topics and balances are kept: the next run, with the same \
            seed and accounts, resumes from there. The program fails if a balance is not what the transfers give.
            """)

    @Option(help: "How many transfers there are in all, with those of earlier runs.")
    var transfers = 300_000

    @Option(help: "How many accounts there are.")
    var accounts = 1_000

    @Option(help: "The same seed gives the same transfers.")
    var seed: UInt64 = 1

    @Option(help: "A directory that keeps topics and balances; without it a temporary one, removed at the end.")
    var data: String?

    @Option(help: "A file for all balances, a line 'account<TAB>cents' each, sorted by account.")
    var output: String?

    @OptionGroup var engine: EngineOptions
    @OptionGroup var console: ConsoleOption

    func validate() throws {
        if transfers < 0 { throw ValidationError("--transfers is at least 0") }
        if accounts < 1 || accounts > Int(Int32.max) { throw ValidationError("--accounts is at least 1") }
    }

    func run() throws {
        EngineOptions.quieten()
        let directory = try WorkingDirectory(data, of: "bank-transfer")
        defer { directory.removeIfTemporary() }
        let cluster = try EmbeddedCluster(
            directory: directory.topics, durability: engine.durability(keepsData: data != nil))
        let partitions = try createTopics(on: cluster)
        try process(on: cluster, directory, partitionCount: partitions)
        let balances = try balances(on: cluster)
        try cluster.close()
        if let output { try write(balances, to: output) }
        try check(balances)
    }

    /// - Returns: the number of partitions of the transfers topic.
    private func createTopics(on cluster: any Cluster) throws -> Int32 {
        let admin = try cluster.makeAdmin()
        defer { admin.close() }
        let names = [BankTopology.transfers.name, BankTopology.balances.name]
        let found = try admin.describe(Set(names))
        try admin.create(
            names.filter { found[$0] == nil }.map {
                NewTopic($0, partitionCount: Int32(engine.threads), configuration: ["retention.ms": "-1"])
            })
        return found[names[0]]?.partitionCount ?? Int32(engine.threads)
    }

    private func process(
        on cluster: EmbeddedCluster, _ directory: WorkingDirectory, partitionCount: Int32
    ) throws {
        let app = StreamsApplication(
            id: BankTopology.id, topology: try BankTopology.make(),
            cluster: .cluster(cluster, stateDirectory: directory.state), configuration: engine.configuration)
        let isAtWork: () -> Bool = { app.state == .rebalancing || app.state == .running }
        let shown = try console.show(app)
        defer { shown?.close() }
        try app.start()
        do {
            try feed(cluster, partitionCount: partitionCount, while: isAtWork)
            let lag = try ApplicationLag(
                cluster, applicationID: BankTopology.id, inputs: [BankTopology.transfers.name])
            while isAtWork(), try !lag.isZero() { Thread.sleep(forTimeInterval: 0.01) }
            shown?.stay(while: isAtWork)
        } catch {
            // If an error ended the application, `stop` throws it: it is the cause.
            try app.stop()
            throw error
        }
        try app.stop()
    }

    /// Writes the transfers that the topic does not hold yet. The n-th is in partition n mod the number of partitions,
    /// so the ends of the partitions tell which transfers it holds.
    private func feed(_ cluster: any Cluster, partitionCount: Int32, while isAtWork: () -> Bool) throws {
        let consumer = try cluster.port.makeConsumer(clientID: "bank-transfer")
        defer { consumer.close() }
        let partitions = (0..<partitionCount).map { TopicPartition(BankTopology.transfers.name, $0) }
        let held = try consumer.bounds(of: Set(partitions)).mapValues(\.upperBound.value)
        let writer = try TopicWriter(BankTopology.transfers, on: cluster)
        var generator = TransferGenerator(seed: seed, accountCount: accounts)
        for number in 0..<Int64(transfers) where isAtWork() {
            let transfer = generator.next()
            let partition = Int32(number % Int64(partitionCount))
            guard number / Int64(partitionCount) >= held[partitions[Int(partition)]] ?? 0 else { continue }
            try writer.write(
                Record(key: number, value: transfer, timestamp: EmbeddedCluster.systemClock()), to: Partition(partition)
            )
        }
        try writer.close()
    }

    private func balances(on cluster: any Cluster) throws -> [Int32: Int64] {
        var balances: [Int32: Int64] = [:]
        try cluster.port.readAll(BankTopology.balances.name) { batches in
            var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
            while let record = try reader.next() {
                balances[try BankTopology.balances.key.read(record.key)] = try BankTopology.balances.value.read(
                    record.value)
            }
        }
        return balances
    }

    private func write(_ balances: [Int32: Int64], to path: String) throws {
        let lines = balances.sorted { $0.key < $1.key }.map { "\($0.key)\t\($0.value)\n" }
        try Data(lines.joined().utf8).write(toFile: path)
    }

    private func check(_ balances: [Int32: Int64]) throws {
        var generator = TransferGenerator(seed: seed, accountCount: accounts)
        var expected: [Int32: Int64] = [:]
        for _ in 0..<transfers {
            let transfer = generator.next()
            expected[transfer.from, default: 0] -= transfer.cents
            expected[transfer.to, default: 0] += transfer.cents
        }
        let wrong = Set(expected.keys).union(balances.keys).filter { expected[$0] != balances[$0] }
        let sum = balances.values.reduce(0, +)
        print(
            "\(transfers) transfers between \(balances.count) accounts; \(sum) cents came from nowhere; "
                + "\(wrong.count) balances are wrong")
        for account in wrong.sorted().prefix(5) {
            print("  account \(account): \(balances[account] ?? 0) cents instead of \(expected[account] ?? 0)")
        }
        try finishOutput()
        if !wrong.isEmpty { throw ExitCode.failure }
    }
}
