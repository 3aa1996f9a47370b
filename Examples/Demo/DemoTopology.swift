import Moldau

/// Something was sold.
struct Sale: JSONStreamCodable {
    var shop: String
    var product: String
    var cents: Int
}

/// A sale was paid.
struct Payment: JSONStreamCodable {
    var method: String
}

/// A row of the product table.
struct Product: JSONStreamCodable {
    var category: String
}

/// The sales of a category in a window.
struct Takings: JSONStreamCodable {
    var sales = 0
    var cents = 0
}

/// A shop's sales, its payments and its takings: an operator of each kind that is worth looking at.
enum DemoTopology {
    static let id = "shop-demo"
    /// Keyed by the sale's number; a few have none.
    static let sales = Topic<String?, Sale>("sales")
    /// Keyed by the sale's number.
    static let payments = Topic<String, Payment>("payments")
    /// Keyed by the product.
    static let products = Topic<String, Product>("products")
    /// Keyed by the category, with the start of the window: `books@12:00:10`.
    static let takings = Topic<String, Takings>("takings")
    /// Keyed by the sale's number.
    static let unpaid = Topic<String, Sale>("unpaid")

    static func make() throws -> Topology {
        try Topology { streams in
            let real = streams.stream(sales, named: "sales-read").filter(named: "without-tests") { _, sale in
                sale.cents > 0
            }
            // Takings by category: told once, when a window is over. Products that nobody knows have no category.
            real.selectKey(named: "by-product") { _, sale in sale.product }
                .join(
                    streams.table(products, as: TableStoreName<String, Product>("products"), named: "products-read"),
                    named: "categories"
                ) {
                    sale, product in (product.category, sale.cents)
                }
                .map(named: "by-category") { _, row in (row.0, Int64(row.1)) }
                .groupByKey()
                .windowedBy(.tumbling(.seconds(10), grace: .seconds(5)))
                .aggregate(Takings(), as: WindowStoreName("takings-by-category"), named: "takings") {
                    takings, _, cents in
                    takings.sales += 1
                    takings.cents += Int(cents)
                }
                .suppress(.untilWindowCloses(), named: "when-closed")
                .toStream()
                .map(named: "with-time") { windowed, takings in ("\(windowed.key)@\(windowed.start.ms)", takings) }
                .to(takings, named: "takings-written")
            // Sales that nobody paid within ten seconds.
            real.flatMap(named: "with-number") { number, sale in number.map { [($0, sale)] } ?? [] }
                .leftJoin(
                    streams.stream(payments, named: "payments-read"),
                    within: JoinWindows(before: .zero, after: .seconds(10), grace: .seconds(2)), named: "paid"
                ) { sale, payment in payment == nil ? sale : nil }
                .flatMapValues(named: "only-unpaid") { sale in sale.map { [$0] } ?? [] }
                .to(unpaid, named: "unpaid-written")
            // How busy each shop is, and for how long without a pause.
            let byShop = real.groupBy(named: "by-shop") { _, sale in sale.shop }
            _ = byShop.count(as: TableStoreName<String, Int64>("sales-by-shop"), named: "sales-by-shop-counted")
            _ = byShop.windowedBy(.sessions(gap: .seconds(3), grace: .seconds(5)))
                .count(as: SessionStoreName("busy-times"), named: "busy-times-counted")
        }
    }
}
