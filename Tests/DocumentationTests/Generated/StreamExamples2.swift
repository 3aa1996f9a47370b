// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Moldau
import Testing

struct StreamExamples2 {
    @Test func `Stream/Process.swift: processValues`() throws {
        try Example.run(
            """
            clicks: ada=/home, ada=/shop, bob=/home
            visits: ada=1 /home, ada=2 /shop, bob=1 /home
            """
        ) { example in
            let clicks = example.clicks
            final class Numbered: Processor {
                static let counts = KeyValueStoreName<String, Int>("numbered")
                static let storeDefinitions = [StoreDefinition(counts)]
                private var context: ProcessorContext<String, String>?
                private var counts: KeyValueStore<String, Int>?

                func start(_ context: ProcessorContext<String, String>) throws {
                    (self.context, counts) = (context, try context.store(Self.counts))
                }

                func process(_ record: Record<String, String>) throws {
                    let number = try counts?.update(record.key) { ($0 ?? 0) + 1 }.new ?? 0
                    try context?.forward(record.with(value: "\(number) \(record.value)"))
                }
            }
            let visits = clicks.processValues { Numbered() }
            example.show("visits", visits)
        }
    }

    @Test func `Stream/Repartition.swift: repartition`() throws {
        try Example.run(
            """
            orders: o1=ada 120
            byCustomer: ada=ada 120
            """
        ) { example in
            let orders = example.orders
            let byCustomer = orders.selectKey { _, order in order.customer }
                .repartition(named: "by-customer", partitions: 4)
            example.show("byCustomer", byCustomer)
        }
    }

    @Test func `Stream/Sink.swift: to`() throws {
        try Example.run(
            """
            lines: 1=to be
            shouted: 1=TO BE
            """
        ) { example in
            let lines = example.lines
            let shouted = example.shouted
            lines.mapValues { $0.uppercased() }.to(shouted)
            example.show("shouted", shouted)
        }
    }

    @Test func `Stream/Sink.swift: to (2)`() throws {
        try Example.run(
            """
            payments: o1=60, o1=50
            totals: o1=60, o1=nil
            """
        ) { example in
            let payments = example.payments
            let totals = example.totals
            payments.groupByKey().reduce { $0 + $1 }.filter { _, total in total < 100 }.toStream().to(totals)
            example.show("totals", totals)
        }
    }

    @Test func `Stream/Sink.swift: to (3)`() throws {
        try Example.run(
            """
            lines: 1=to be, 2=no!
            shouted: 2=no!
            """
        ) { example in
            let lines = example.lines
            lines.to(key: String.serde, value: String.serde) { record, _ in
                record.value.hasSuffix("!") ? "shouted" : "rest"
            }
            let shouted = Topic<String, String>("shouted")
            example.show("shouted", shouted)
        }
    }

    @Test func `Stream/Split.swift: split`() throws {
        try Example.run(
            """
            orders: o1=ada 120, o2=bob 30, o3=bob 5
            large: o1=ada 120
            middle: o2=bob 30
            small: o3=bob 5
            """
        ) { example in
            let orders = example.orders
            let split = orders.split(named: "orders-")
            let large = split.branch("large") { _, order in order.amount > 100 }
            let middle = split.branch("middle") { _, order in order.amount > 10 }
            let small = split.defaultBranch("small")
            example.show("large", large)
            example.show("middle", middle)
            example.show("small", small)
        }
    }

    @Test func `Stream/Split.swift: split (2)`() throws {
        try Example.run(
            """
            orders: o1=ada 120, o2=bob 30
            large: o1=ada 120
            small: o2=bob 30
            """
        ) { example in
            let orders = example.orders
            let (large, small) = orders.split { _, order in order.amount > 100 }
            example.show("large", large)
            example.show("small", small)
        }
    }

    @Test func `Stream/Split.swift: branch`() throws {
        try Example.run(
            """
            orders: o1=ada 120, o2=bob 30, o3=bob 5
            second: o2=bob 30
            """
        ) { example in
            let orders = example.orders
            let split = orders.split()
            split.branch { _, order in order.amount > 100 }
            let second = split.branch { _, order in order.amount > 10 }
            example.show("second", second)
        }
    }

    @Test func `Stream/Split.swift: defaultBranch`() throws {
        try Example.run(
            """
            orders: o1=ada 120, o2=bob 30
            large: o1=ada 120
            others: o2=bob 30
            """
        ) { example in
            let orders = example.orders
            let split = orders.split()
            let large = split.branch { _, order in order.amount > 100 }
            let others = split.defaultBranch()
            example.show("large", large)
            example.show("others", others)
        }
    }

    @Test func `Stream/StreamJoin.swift: join`() throws {
        try Example.run(
            """
            orders: o1@0=ada 120
            payments: o1@20=100, o1@90=20
            paid: o1@20=100 of 120
            """
        ) { example in
            let orders = example.orders
            let payments = example.payments
            let windows = JoinWindows(difference: .seconds(60), grace: .seconds(10))
            let paid = orders.join(payments, within: windows) { order, payment in "\(payment) of \(order.amount)" }
            example.show("paid", paid)
        }
    }

    @Test func `Stream/StreamJoin.swift: leftJoin`() throws {
        try Example.run(
            """
            orders: o1@0=ada 120, o2@200=bob 30
            paid: o1@0=0 of 120
            """
        ) { example in
            let orders = example.orders
            let payments = example.payments
            let windows = JoinWindows(difference: .seconds(60), grace: .seconds(10))
            let paid = orders.leftJoin(payments, within: windows) { order, payment in "\(payment ?? 0) of \(order.amount)" }
            example.show("paid", paid)
        }
    }

    @Test func `Stream/StreamJoin.swift: outerJoin`() throws {
        try Example.run(
            """
            payments: o1@0=20, o2@100=30
            both: o1@0=0 ordered 20 paid
            """
        ) { example in
            let orders = example.orders
            let payments = example.payments
            let windows = JoinWindows(difference: .seconds(60), grace: .zero)
            let both = orders.outerJoin(payments, within: windows) { order, payment in
                "\(order?.amount ?? 0) ordered \(payment ?? 0) paid"
            }
            example.show("both", both)
        }
    }

    @Test func `Stream/StreamTableJoin.swift: join`() throws {
        try Example.run(
            """
            customers: ada=Prague
            clicks: ada=/home, bob=/home
            located: ada=/home from Prague
            """
        ) { example in
            let clicks = example.clicks
            let customers = example.customers
            let located = clicks.join(customers) { page, city in "\(page) from \(city)" }
            example.show("located", located)
        }
    }

    @Test func `Stream/StreamTableJoin.swift: leftJoin`() throws {
        try Example.run(
            """
            customers: ada=Prague
            clicks: ada=/home, bob=/home
            located: ada=/home from Prague, bob=/home from somewhere
            """
        ) { example in
            let clicks = example.clicks
            let customers = example.customers
            let located = clicks.leftJoin(customers) { page, city in "\(page) from \(city ?? "somewhere")" }
            example.show("located", located)
        }
    }

    @Test func `Stream/StreamTableJoin.swift: join (2)`() throws {
        try Example.run(
            """
            titles: /home=Welcome
            clicks: ada=/home, bob=/shop
            visits: ada=Welcome
            """
        ) { example in
            let clicks = example.clicks
            let titles = example.titles
            let visits = clicks.join(titles, on: { _, page in page }) { _, title in title }
            example.show("visits", visits)
        }
    }

    @Test func `Stream/StreamTableJoin.swift: join (3)`() throws {
        try Example.run(
            """
            titles: /home=Welcome
            clicks: ada=/home
            visits: ada=ada saw Welcome at /home
            """
        ) { example in
            let clicks = example.clicks
            let titles = example.titles
            let text = String.serde
            let visits = clicks.join(titles, on: { _, page in page }, key: text, value: text) { name, page, _, title in
                "\(name) saw \(title) at \(page)"
            }
            example.show("visits", visits)
        }
    }

    @Test func `Stream/StreamTableJoin.swift: leftJoin (2)`() throws {
        try Example.run(
            """
            titles: /home=Welcome
            clicks: ada=/home, bob=/shop
            visits: ada=Welcome, bob=/shop
            """
        ) { example in
            let clicks = example.clicks
            let titles = example.titles
            let visits = clicks.leftJoin(titles, on: { _, page in page }) { page, title in title ?? page }
            example.show("visits", visits)
        }
    }

    @Test func `Stream/StreamsBuilder+Stream.swift: stream`() throws {
        try Example.run(
            """
            lines: ada=hello
            replies: ada=hello to you too
            """
        ) { example in
            let streams = example.streams
            let lines = example.lines
            let greetings = streams.stream(Topic<String, String>("greetings"), start: .latest)
            let replies = greetings.merge(lines).mapValues { "\($0) to you too" }
            example.show("replies", replies)
        }
    }

    @Test func `Stream/StreamsBuilder+Stream.swift: stream (2)`() throws {
        try Example.run(
            """
            shouted: 1=TO BE
            all: 1=TO BE
            """
        ) { example in
            let streams = example.streams
            let shouted = example.shouted
            let all = streams.stream([shouted, Topic("whispered")])
            example.show("shouted", shouted)
            example.show("all", all)
        }
    }

    @Test func `Stream/StreamsBuilder+Stream.swift: stream (3)`() throws {
        try Example.run(
            """
            clicks-eu: ada=/home
            clicks-us: bob=/shop
            pages: ada=/HOME, bob=/SHOP
            """
        ) { example in
            let streams = example.streams
            let clicks = streams.stream(matching: TopicPattern<String, String>("clicks-.*"))
            let pages = clicks.mapValues { $0.uppercased() }
            example.show("pages", pages)
        }
    }
}
