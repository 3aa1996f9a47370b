import Moldau

/// The application's name, its topics and its topology.
enum OrderTopology {
    static let id = "order-enrichment"
    /// Keyed by customer.
    static let orders = Topic<String, Order>("orders")
    /// Keyed by customer.
    static let customers = Topic<String, Customer>("customers")
    /// Keyed by customer.
    static let enriched = Topic<String, EnrichedOrder>("enriched-orders")
    /// Keyed by region.
    static let revenue = Topic<String, Revenue>("revenue-per-region")
    static let revenueStore = TableStoreName<String, Revenue>("revenue")

    static func make() throws -> Topology {
        try Topology { streams in
            let enrichedOrders = streams.stream(orders).join(streams.table(customers)) { order, customer in
                EnrichedOrder(
                    order: order, customerName: customer.name, region: customer.region,
                    totalCents: order.quantity * order.unitPriceCents)
            }
            enrichedOrders.to(enriched)
            enrichedOrders
                .groupBy { _, order in order.region }
                .aggregate(Revenue(), as: revenueStore) { revenue, _, order in
                    revenue.orders += 1
                    revenue.cents += order.totalCents
                }
                .toStream()
                .to(revenue)
        }
    }
}
