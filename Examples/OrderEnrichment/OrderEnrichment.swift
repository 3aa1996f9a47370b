import ArgumentParser
import ExampleConsole
import ExampleSupport
import Foundation
import Moldau
import MoldauClientEmbedded
import MoldauRecords

/// `order-enrichment`: joins a stream of orders with a table of customers, and sums up the revenue of each region.
@main
struct OrderEnrichment: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "order-enrichment",
        abstract: "Joins made-up orders with made-up customers, and prints the revenue of each region.",
        discussion: "Everything is JSON. Orders of customers who are in no table are dropped by the join.")

    @Option(help: "How many orders there are.")
    var orders = 10_000

    @Option(help: "How many customers there are.")
    var customers = 500

    @Option(help: "The same seed gives the same orders and customers.")
    var seed: UInt64 = 1

    @Option(help: "Partitions of each topic; as many threads work on them.")
    var partitions: Int32 = 2

    @Option(help: "A folder to which orders, customers and enriched orders are written as JSON lines.")
    var dump: String?

    @OptionGroup var console: ConsoleOption

    func validate() throws {
        if orders < 1 { throw ValidationError("--orders is at least 1") }
        guard 1...1_000_000 ~= customers else { throw ValidationError("--customers is 1 to 1000000, not \(customers)") }
        guard 1...1_000 ~= partitions else { throw ValidationError("--partitions is 1 to 1000, not \(partitions)") }
    }

    func run() async throws {
        EngineOptions.quieten()
        let cluster = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
        try createTopics(on: cluster)
        try await write(to: cluster)
        try await process(on: cluster)
        if let dump { try await writeFiles(to: dump, from: cluster) }
        try await printRevenue(from: cluster)
        try finishOutput()
        try await cluster.close()
    }

    private func createTopics(on cluster: any Cluster) throws {
        let admin = try cluster.makeAdmin()
        defer { admin.close() }
        let names = [
            OrderTopology.orders.name, OrderTopology.customers.name, OrderTopology.enriched.name,
            OrderTopology.revenue.name,
        ]
        try admin.create(names.map { NewTopic($0, partitionCount: partitions) })
    }

    /// Writes the customers first: an order is joined with the table as it was at the order's time.
    private func write(to cluster: EmbeddedCluster) async throws {
        var generator = OrderGenerator(seed: seed, customerCount: customers)
        var time = EmbeddedCluster.systemClock()
        let customerProducer = try Producer(to: OrderTopology.customers, cluster: .embedded(cluster))
        for (key, value) in generator.customers() {
            _ = try await customerProducer.enqueue(key, value, timestamp: time)
        }
        try await customerProducer.flush()
        await customerProducer.close()
        let orderProducer = try Producer(to: OrderTopology.orders, cluster: .embedded(cluster))
        for number in 0..<orders {
            time = time + .milliseconds(1)
            let order = generator.order(number)
            _ = try await orderProducer.enqueue(order.customer, order, timestamp: time)
        }
        try await orderProducer.flush()
        await orderProducer.close()
    }

    /// Runs the application until it has committed everything.
    private func process(on cluster: EmbeddedCluster) async throws {
        var configuration = StreamsConfiguration()
        configuration.streamThreads = Int(partitions)
        let app = StreamsApplication(
            id: OrderTopology.id, topology: try OrderTopology.make(), cluster: .cluster(cluster, stateDirectory: nil),
            configuration: configuration)
        let shown = try await onThread { [console] in try console.show(app) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await app.run() }
            group.addTask {
                let lag = try ApplicationLag(
                    cluster, applicationID: OrderTopology.id,
                    inputs: [OrderTopology.orders.name, OrderTopology.customers.name])
                while try !lag.isZero() { try await Task.sleep(for: .milliseconds(10)) }
                await onThread { shown?.stay { app.state == .running } }
            }
            // Whichever task ends first cancels the other: an application that is cancelled commits and closes.
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
        await onThread { shown?.close() }
    }

    private func printRevenue(from cluster: EmbeddedCluster) async throws {
        var regions: [String: Revenue] = [:]
        try await readAll(OrderTopology.revenue, of: cluster) { regions[$0.key] = $0.value }
        for (region, revenue) in regions.sorted(by: { $0.key < $1.key }) {
            print("\(region)\t\(revenue.orders)\t\(revenue.cents)")
        }
    }

    private func writeFiles(to folder: String, from cluster: EmbeddedCluster) async throws {
        try makeDirectory(folder)
        for topic in [OrderTopology.orders.name, OrderTopology.customers.name, OrderTopology.enriched.name] {
            var lines = ""
            // The values are JSON already.
            try await readAll(Topic<String, String>(topic), of: cluster) { record in
                lines += "{\"key\":\"\(record.key)\",\"value\":\(record.value)}\n"
            }
            try Data(lines.utf8).write(toFile: "\(folder)/\(topic).jsonl")
        }
    }

    /// Reads what the topic has now, partition by partition in order.
    private func readAll<Value>(
        _ topic: Topic<String, Value>, of cluster: EmbeddedCluster,
        _ body: (ConsumerRecord<String, Value>) -> Void
    ) async throws {
        let all = Set((0..<partitions).map { TopicPartition(topic.name, $0) })
        var options = ConsumerOptions()
        options.offsetReset = .earliest
        let consumer = try Consumer([topic], assigned: all, cluster: .embedded(cluster), options: options)
        var left = try await consumer.endOffsets(all).filter { $0.value > .zero }
        while !left.isEmpty {
            for record in try await consumer.poll() { body(record) }
            left = left.filter { partition, end in consumer.position(partition) ?? .zero < end }
        }
        await consumer.close()
    }
}
