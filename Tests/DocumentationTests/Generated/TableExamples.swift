// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Moldau
import Testing

struct TableExamples {
    @Test func `Table/ForeignKeyJoin.swift: join`() throws {
        try Example.run(
            """
            openOrders: o1=ada 120, o2=ada 30
            customers: ada=Prague
            shipments: o1=120 to Prague, o2=30 to Prague
            """
        ) { example in
            let customers = example.customers
            let openOrders = example.openOrders
            let shipments = openOrders.join(customers, on: \.customer) { order, city in "\(order.amount) to \(city)" }
            example.show("shipments", shipments)
        }
    }

    @Test func `Table/ForeignKeyJoin.swift: leftJoin`() throws {
        try Example.run(
            """
            openOrders: o1=ada 120
            customers: ada=Prague
            shipments: o1=120 to ?, o1=120 to Prague
            """
        ) { example in
            let customers = example.customers
            let openOrders = example.openOrders
            let shipments = openOrders.leftJoin(customers, on: \.customer) { order, city in
                "\(order.amount) to \(city ?? "?")"
            }
            example.show("shipments", shipments)
        }
    }

    @Test func `Table/GlobalKTable.swift: globalTable`() throws {
        try Example.run(
            """
            clicks: ada=/home
            visits: ada=/home
            """
        ) { example in
            let streams = example.streams
            let clicks = example.clicks
            let names = streams.globalTable(Topic<String, String>("page-names"))
            let visits = clicks.leftJoin(names, on: { _, page in page }) { page, name in name ?? page }
            example.show("visits", visits)
        }
    }

    @Test func `Table/KGroupedTable.swift: groupBy`() throws {
        try Example.run(
            """
            customers: ada=Prague, bob=Prague, ada=Brno
            inhabitants: Prague=1, Prague=2, Prague=1, Brno=1
            """
        ) { example in
            let customers = example.customers
            let inhabitants = customers.groupBy { customer, city in (city, customer) }.count()
            example.show("inhabitants", inhabitants)
        }
    }

    @Test func `Table/KGroupedTable.swift: count`() throws {
        try Example.run(
            """
            customers: ada=Prague, bob=Prague, bob=nil
            inhabitants: Prague=1, Prague=2, Prague=1
            """
        ) { example in
            let customers = example.customers
            let inhabitants = customers.groupBy { customer, city in (city, customer) }.count()
            example.show("inhabitants", inhabitants)
        }
    }

    @Test func `Table/KGroupedTable.swift: aggregate`() throws {
        try Example.run(
            """
            openOrders: o1=ada 120, o2=ada 30, o1=ada 100
            sums: ada=120, ada=150, ada=130
            """
        ) { example in
            let openOrders = example.openOrders
            let sums = openOrders.groupBy { _, order in (order.customer, order.amount) }
                .aggregate(0) { sum, _, amount in sum += amount } subtracting: { sum, _, amount in sum -= amount }
            example.show("sums", sums)
        }
    }

    @Test func `Table/KGroupedTable.swift: aggregate (2)`() throws {
        try Example.run(
            """
            openOrders: o1=ada 120, o1=nil
            sums: ada=120, ada=nil
            """
        ) { example in
            let openOrders = example.openOrders
            let sums = openOrders.groupBy { _, order in (order.customer, order.amount) }.aggregate(
                { 0 }, result: Int.serde, adding: { sum, _, amount in sum + amount },
                subtracting: { sum, _, amount in sum > amount ? sum - amount : nil })
            example.show("sums", sums)
        }
    }

    @Test func `Table/KGroupedTable.swift: reduce`() throws {
        try Example.run(
            """
            openOrders: o1=ada 120, o2=ada 30, o1=nil
            sums: ada=120, ada=150, ada=30
            """
        ) { example in
            let openOrders = example.openOrders
            let sums = openOrders.groupBy { _, order in (order.customer, order.amount) }
                .reduce { sum, amount in sum + amount } subtracting: { sum, amount in sum - amount }
            example.show("sums", sums)
        }
    }

    @Test func `Table/Suppress.swift: suppress`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@20=/shop, bob@70=/home
            counts: ada[0-60]@20=2
            """
        ) { example in
            let clicks = example.clicks
            let counts = clicks.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .seconds(5))).count()
                .suppress(.untilWindowCloses())
            example.show("counts", counts)
        }
    }

    @Test func `Table/Suppressed.swift: untilTimeLimit`() throws {
        try Example.run(
            """
            balances: ada@0=1, ada@10=2, bob@70=5
            rare: ada@10=2
            """
        ) { example in
            let balances = example.balances
            let rare = balances.suppress(.untilTimeLimit(.seconds(60)))
            example.show("rare", rare)
        }
    }

    @Test func `Table/Suppressed.swift: untilWindowCloses`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@20=/shop, ada@90=/home
            counts: ada[10-20]=2
            """
        ) { example in
            let clicks = example.clicks
            let counts = clicks.groupByKey().windowedBy(.sessions(gap: .seconds(30), grace: .zero)).count()
                .suppress(.untilWindowCloses())
            example.show("counts", counts)
        }
    }

    @Test func `Table/TableJoin.swift: join`() throws {
        try Example.run(
            """
            customers: ada=Prague
            phones: ada=123, bob=456
            cards: ada=Prague 123
            """
        ) { example in
            let customers = example.customers
            let phones = example.phones
            let cards = customers.join(phones) { city, phone in "\(city) \(phone)" }
            example.show("cards", cards)
        }
    }

    @Test func `Table/TableJoin.swift: leftJoin`() throws {
        try Example.run(
            """
            customers: ada=Prague
            phones: ada=123, bob=456
            cards: ada=Prague -, ada=Prague 123
            """
        ) { example in
            let customers = example.customers
            let phones = example.phones
            let cards = customers.leftJoin(phones) { city, phone in "\(city) \(phone ?? "-")" }
            example.show("cards", cards)
        }
    }

    @Test func `Table/TableJoin.swift: outerJoin`() throws {
        try Example.run(
            """
            customers: ada=Prague
            phones: ada=123, bob=456
            cards: ada=Prague -, ada=Prague 123, bob=- 456
            """
        ) { example in
            let customers = example.customers
            let phones = example.phones
            let cards = customers.outerJoin(phones) { city, phone in "\(city ?? "-") \(phone ?? "-")" }
            example.show("cards", cards)
        }
    }

    @Test func `Table/TableMapValues.swift: mapValues`() throws {
        try Example.run(
            """
            balances: ada=5, ada=nil
            doubled: ada=10, ada=nil
            """
        ) { example in
            let balances = example.balances
            let doubled = balances.mapValues { $0 * 2 }
            example.show("doubled", doubled)
        }
    }

    @Test func `Table/TableMapValues.swift: mapValues (2)`() throws {
        try Example.run(
            """
            customers: ada=Prague
            cards: ada=ada of Prague
            """
        ) { example in
            let customers = example.customers
            let cards = customers.mapValues { name, city in "\(name) of \(city)" }
            example.show("cards", cards)
        }
    }

    @Test func `Table/TableMapValues.swift: filter`() throws {
        try Example.run(
            """
            balances: ada=120, ada=90, bob=7
            rich: ada=120, ada=nil, bob=nil
            """
        ) { example in
            let balances = example.balances
            let rich = balances.filter { _, balance in balance > 100 }
            example.show("rich", rich)
        }
    }

    @Test func `Table/TableMapValues.swift: filterNot`() throws {
        try Example.run(
            """
            balances: ada=120, ada=90
            poor: ada=nil, ada=90
            """
        ) { example in
            let balances = example.balances
            let poor = balances.filterNot { _, balance in balance > 100 }
            example.show("poor", poor)
        }
    }

    @Test func `Table/TablePartitioners.swift: TablePartitioners`() throws {
        try Example.run(
            """
            customers: ada=Prague
            openOrders: o1=ada 120
            shipments: o1=120 to Prague
            """
        ) { example in
            let customers = example.customers
            let openOrders = example.openOrders
            let byLength = TablePartitioners<String, String>(
                right: { _, customer, _, count in [Partition(Int32(customer.count) % count)] })
            let shipments = openOrders.join(customers, on: \.customer, partitioners: byLength) { order, city in
                "\(order.amount) to \(city)"
            }
            example.show("shipments", shipments)
        }
    }

    @Test func `Table/TableSource.swift: table`() throws {
        try Example.run(
            """
            totals: ada=1, ada=2, ada=nil
            rows: ada=1, ada=2, ada=nil
            """
        ) { example in
            let streams = example.streams
            let totals = example.totals
            let rows = streams.table(totals)
            example.show("totals", totals)
            example.show("rows", rows)
        }
    }

    @Test func `Table/TableSource.swift: toTable`() throws {
        try Example.run(
            """
            clicks: ada=/home, ada=/shop
            customers: ada=Prague
            cards: ada=Prague /shop
            """
        ) { example in
            let clicks = example.clicks
            let customers = example.customers
            let last = clicks.toTable()
            let cards = customers.join(last) { city, page in "\(city) \(page)" }
            example.show("cards", cards)
        }
    }

    @Test func `Table/TableSource.swift: toTable (2)`() throws {
        try Example.run(
            """
            lines: 1=to be, 1=-
            rows: 1=to be, 1=nil
            """
        ) { example in
            let lines = example.lines
            let rows = lines.mapValues { $0 == "-" ? nil : $0 }.toTable()
            example.show("rows", rows)
        }
    }

    @Test func `Table/ToStream.swift: toStream`() throws {
        try Example.run(
            """
            balances: ada=5, ada=nil
            changes: ada=now 5, ada=gone
            """
        ) { example in
            let balances = example.balances
            let changes = balances.toStream().mapValues { $0.map { "now \($0)" } ?? "gone" }
            example.show("changes", changes)
        }
    }

    @Test func `Table/ToStream.swift: toStream (2)`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@70=/shop
            pages: ada=1, ada=1
            """
        ) { example in
            let clicks = example.clicks
            let pages = clicks.groupByKey().windowedBy(.tumbling(.seconds(60), grace: .zero)).count()
                .toStream { windowed, _ in windowed.key }
            example.show("pages", pages)
        }
    }

    @Test func `Table/TransformValues.swift: transformValues`() throws {
        try Example.run(
            """
            balances: ada=5, ada=3, ada=8
            records: ada=5, ada=5, ada=8
            """
        ) { example in
            let streams = example.streams
            let balances = example.balances
            let highest = KeyValueStoreName<String, Int>("highest")
            streams.addStore(StoreDefinition(highest))
            let records = balances.transformValues(stores: [highest]) { context in
                let highest = try context.store(highest)
                return { name, balance in
                    guard let balance, try balance > highest.get(name) ?? 0 else { return try highest.get(name) }
                    try highest.put(name, balance)
                    return balance
                }
            }
            example.show("records", records)
        }
    }
}
