import Foundation
import Moldau
import Synchronization

/// Makes up what happens in the shops, and writes it as it happens, with typical faults: sales without a number, of
/// unknown products, reported late, never paid.
final class DemoStream: Sendable {
    private static let categories = ["books", "tea", "music", "tools"]
    private static let shops = ["Prague", "Brno", "Ostrava"]
    /// The time between two steps.
    private static let pause = 0.1

    private let cluster: EmbeddedCluster
    private let isOver = Mutex(false)

    init(_ cluster: EmbeddedCluster) throws {
        self.cluster = cluster
        let admin = try cluster.makeAdmin()
        defer { admin.close() }
        let names = [
            DemoTopology.sales.name, DemoTopology.payments.name, DemoTopology.products.name, DemoTopology.takings.name,
            DemoTopology.unpaid.name,
        ]
        let existing = try admin.describe(Set(names))
        try admin.create(names.filter { existing[$0] == nil }.map { NewTopic($0, partitionCount: 2) })
    }

    func stop() { isOver.withLock { $0 = true } }

    /// Writes until it is stopped. Blocks.
    @available(*, noasync, message: "run blocks: call it on a thread of its own")
    func run() throws {
        let sales = try TopicWriter(DemoTopology.sales, on: cluster)
        let payments = try TopicWriter(DemoTopology.payments, on: cluster)
        try writeProducts()
        var random = SystemRandomNumberGenerator()
        var due: [(number: String, time: Timestamp)] = []
        var count = 0
        while !isOver.withLock({ $0 }) {
            let now = EmbeddedCluster.systemClock()
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                count += 1
                let number = "sale-\(count)"
                try sales.write(sale(number, at: now, &random))
                if Int.random(in: 0..<100, using: &random) < 85 {
                    due.append((number, now + .milliseconds(Int.random(in: 500..<9_000, using: &random))))
                }
            }
            for payment in due where payment.time <= now {
                try payments.write(
                    Record(key: payment.number, value: Payment(method: Bool.random() ? "card" : "cash"), timestamp: now)
                )
            }
            due.removeAll { $0.time <= now }
            try sales.flush()
            try payments.flush()
            Thread.sleep(forTimeInterval: Self.pause)
        }
    }

    @available(*, noasync, message: "writes block")
    private func writeProducts() throws {
        let products = try TopicWriter(DemoTopology.products, on: cluster)
        for number in 0..<20 {
            let row = Product(category: Self.categories[number % Self.categories.count])
            try products.write(Record(key: "product-\(number)", value: row, timestamp: EmbeddedCluster.systemClock()))
        }
        try products.close()
    }

    private func sale(
        _ number: String, at now: Timestamp, _ random: inout SystemRandomNumberGenerator
    ) -> Record<String?, Sale> {
        let chance = Int.random(in: 0..<100, using: &random)
        // Each shop takes a rest now and then.
        let open = Self.shops.indices.filter { (now.ms / 7_000 + Int64($0)) % 3 != 0 }
        let sale = Sale(
            shop: Self.shops[open.randomElement(using: &random) ?? 0],
            // Two of them are not in the table.
            product: "product-\(Int.random(in: 0..<22, using: &random))",
            cents: chance == 0 ? 0 : Int.random(in: 100..<10_000, using: &random))
        // Told half a minute late, now and then: the window is closed by then.
        let time = chance < 3 ? now + .seconds(-30) : now
        return Record(key: chance == 3 ? nil : number, value: sale, timestamp: time)
    }
}
