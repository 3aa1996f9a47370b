import Moldau

/// The application that created the directory beside this file, with a store of each kind. The test checks whether
/// today's code can use them.
public enum OldTopology {
    /// Its Java hash is negative, and so are those of its transactional ids.
    public static let application = "click-report"

    public static let clicks = Topic<String, String>("clicks")
    public static let orders = Topic<String, String>("orders")
    public static let payments = Topic<String, String>("payments")
    public static let users = Topic<String, String>("users")
    public static let prices = Topic<String, String>("prices")
    public static let countries = Topic<String, String>("countries")
    public static let results = Topic<String, String>("results")
    public static let topics = ["clicks", "orders", "payments", "users", "prices", "countries", "results"]

    /// The time of the first records: September 2020, the start of an hour.
    public static let start = Timestamp(ms: 1_600_002_000_000)

    /// Results are "<store> <key>" with the value that the store gives.
    public static func make() throws -> Topology {
        try Topology { streams in
            let clicks = streams.stream(clicks)
            clicks.groupByKey().count(as: TableStoreName<String, Int64>("counts")).toStream()
                .map { key, count in ("counts \(key)", "\(count ?? 0)") }.to(results)
            clicks.groupByKey().windowedBy(.tumbling(.seconds(3_600), grace: .zero))
                .count(as: WindowStoreName<String, Int64>("hourly")).toStream()
                .map { window, count in ("hourly \(window.key)@\(window.window.start.ms)", "\(count ?? 0)") }
                .to(results)
            clicks.groupByKey().windowedBy(.sliding(.seconds(600), grace: .zero))
                .count(as: WindowStoreName<String, Int64>("sliding")).toStream()
                .map { window, count in ("sliding \(window.key)@\(window.window.start.ms)", "\(count ?? 0)") }
                .to(results)
            clicks.groupByKey().windowedBy(.sessions(gap: .seconds(300), grace: .zero))
                .count(as: SessionStoreName<String, Int64>("visits")).toStream()
                .map { window, count in ("visits \(window.key)@\(window.window.start.ms)", "\(count ?? 0)") }
                .to(results)
            streams.stream(orders).leftJoin(
                streams.stream(payments), within: JoinWindows(difference: .seconds(600), grace: .zero),
                storesNamed: "paid"
            ) { order, payment in "\(order)+\(payment ?? "nothing")" }
            .map { key, value in ("paid \(key)", value) }.to(results)
            tables(streams, clicks)
        }
    }

    private static func tables(_ streams: StreamsBuilder, _ clicks: KStream<String, String>) {
        let users = streams.table(users, as: TableStoreName<String, String>("users-table"))
        clicks.leftJoin(users) { _, user in user ?? "nobody" }
            .map { key, value in ("users \(key)", value) }.to(results)
        let prices = streams.table(
            prices, as: VersionedStoreName<String, String>("prices-table", historyRetention: .seconds(7_200)))
        clicks.leftJoin(prices) { _, price in price ?? "none" }
            .map { key, value in ("prices \(key)", value) }.to(results)
        let countries = streams.globalTable(countries, as: TableStoreName<String, String>("countries-table"))
        clicks.leftJoin(countries, on: { key, _ in key }) { _, country in country ?? "nowhere" }
            .map { key, value in ("countries \(key)", value) }.to(results)
    }

    public static var configuration: StreamsConfiguration {
        var configuration = StreamsConfiguration()
        configuration.guarantee = .exactlyOnce
        return configuration
    }
}
