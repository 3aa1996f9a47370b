// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Moldau
import Testing

struct StreamExamples {
    @Test func `Stream/Aggregate.swift: count`() throws {
        try Example.run(
            """
            clicks: ada=/home, bob=/home, ada=/shop
            counts: ada=1, bob=1, ada=2
            """
        ) { example in
            let clicks = example.clicks
            let counts = clicks.groupByKey().count()
            example.show("counts", counts)
        }
    }

    @Test func `Stream/Aggregate.swift: aggregate`() throws {
        try Example.run(
            """
            orders: o1=ada 120, o2=bob 30, o3=ada 5
            spent: ada=120, bob=30, ada=125
            """
        ) { example in
            let orders = example.orders
            let spent = orders.groupBy { _, order in order.customer }
                .aggregate(0) { total, _, order in total += order.amount }
            example.show("spent", spent)
        }
    }

    @Test func `Stream/Aggregate.swift: aggregate (2)`() throws {
        try Example.run(
            """
            payments: o1=60, o2=10, o1=40
            open: o1=40, o2=90, o1=nil
            """
        ) { example in
            let payments = example.payments
            let open = payments.groupByKey().aggregate({ 100 }, result: Int.serde) { rest, _, payment in
                rest > payment ? rest - payment : nil
            }
            example.show("open", open)
        }
    }

    @Test func `Stream/Aggregate.swift: reduce`() throws {
        try Example.run(
            """
            payments: o1=60, o1=10, o1=80
            largest: o1=60, o1=60, o1=80
            """
        ) { example in
            let payments = example.payments
            let largest = payments.groupByKey().reduce { max($0, $1) }
            example.show("largest", largest)
        }
    }

    @Test func `Stream/AsyncMap.swift: mapValuesAsync`() throws {
        try Example.run(
            """
            clicks: ada=/home, bob=/shop
            pages: ada=/HOME, bob=/SHOP
            """
        ) { example in
            let clicks = example.clicks
            @Sendable func lookUp(_ page: String) async throws -> String { page.uppercased() }

            let pages = clicks.mapValuesAsync(maxInFlight: 50, retry: .upTo(3), timeout: .seconds(5)) { page in
                try await lookUp(page)
            }
            example.show("pages", pages)
        }
    }

    @Test func `Stream/AsyncRetry.swift: upTo`() throws {
        try Example.run(
            """
            clicks: ada=/home
            pages: ada=/HOME
            notes: asked, asked, asked
            """
        ) { example in
            let clicks = example.clicks
            let notes = example.notes
            struct Busy: Error {}
            let pages = clicks.mapValuesAsync(retry: .upTo(3, backoff: .zero)) { page in
                if notes.add("asked") < 3 { throw Busy() }
                return page.uppercased()
            }
            example.show("pages", pages)
        }
    }

    @Test func `Stream/Cogroup.swift: cogroup`() throws {
        try Example.run(
            """
            deposits: ada=100
            withdrawals: ada=30
            balances: ada=100, ada=70
            """
        ) { example in
            let deposits = example.deposits
            let withdrawals = example.withdrawals
            let balances = deposits.groupByKey().cogroup(Int.self) { balance, _, amount in balance += amount }
                .cogroup(withdrawals.groupByKey()) { balance, _, amount in balance -= amount }
                .aggregate(0)
            example.show("balances", balances)
        }
    }

    @Test func `Stream/Cogroup.swift: cogroup (2)`() throws {
        try Example.run(
            """
            deposits: ada=100
            payments: ada=1
            balances: ada=100, ada=99
            """
        ) { example in
            let payments = example.payments
            let deposits = example.deposits
            let withdrawals = example.withdrawals
            let balances = deposits.groupByKey().cogroup(Int.self) { balance, _, amount in balance += amount }
                .cogroup(withdrawals.groupByKey()) { balance, _, amount in balance -= amount }
                .cogroup(payments.groupByKey()) { balance, _, amount in balance -= amount }
                .aggregate(0)
            example.show("balances", balances)
        }
    }

    @Test func `Stream/Cogroup.swift: cogroup (3)`() throws {
        try Example.run(
            """
            deposits: ada=100
            withdrawals: ada=30, ada=70
            balances: ada=100, ada=70, ada=nil
            """
        ) { example in
            let deposits = example.deposits
            let withdrawals = example.withdrawals
            let balances = deposits.groupByKey().cogroup(Int.self) { balance, _, amount in balance += amount }
                .cogroup(withdrawals.groupByKey()) { balance, _, amount in balance > amount ? balance - amount : nil }
                .aggregate(0)
            example.show("balances", balances)
        }
    }

    @Test func `Stream/Cogroup.swift: aggregate`() throws {
        try Example.run(
            """
            deposits: ada=100
            balances: ada=1100
            """
        ) { example in
            let deposits = example.deposits
            let balances = deposits.groupByKey().cogroup(Int.self) { balance, _, amount in balance += amount }
                .aggregate(1_000)
            example.show("balances", balances)
        }
    }

    @Test func `Stream/Diverting.swift: diverting`() throws {
        try Example.run(
            """
            lines: 1=8, 2=eight
            numbers: 1=8
            problems: 2=eight processing
            """
        ) { example in
            let lines = example.lines
            struct NoNumber: Error {}
            let (numbers, refused) = lines.diverting(.processing) { texts in
                texts.mapValues { text in
                    guard let number = Int(text) else { throw NoNumber() }
                    return number
                }
            }
            let problems = refused.mapValues { "\($0.value) \($0.reason.rawValue)" }
            example.show("numbers", numbers)
            example.show("problems", problems)
        }
    }

    @Test func `Stream/Diverting.swift: diverting (2)`() throws {
        try Example.run(
            """
            clicks: ada@10=/home, ada@70=/home, bob@20=/home
            counts: /home[0-60]=1, /home[60-120]=1
            missed: /home@20=/home
            """
        ) { example in
            let clicks = example.clicks
            let (counts, late) = clicks.groupBy { _, page in page }.diverting(.late) { pages in
                pages.windowedBy(.tumbling(.seconds(60), grace: .zero)).count()
            }
            let missed = late.mapValues(\.value)
            example.show("counts", counts)
            example.show("missed", missed)
        }
    }

    @Test func `Stream/Filter.swift: filter`() throws {
        try Example.run(
            """
            orders: o1=ada 120, o2=bob 30
            large: o1=ada 120
            """
        ) { example in
            let orders = example.orders
            let large = orders.filter { _, order in order.amount > 100 }
            example.show("large", large)
        }
    }

    @Test func `Stream/Filter.swift: filterNot`() throws {
        try Example.run(
            """
            orders: o1=ada 120, o2=bob 30
            others: o2=bob 30
            """
        ) { example in
            let orders = example.orders
            let others = orders.filterNot { _, order in order.customer == "ada" }
            example.show("others", others)
        }
    }

    @Test func `Stream/FlatMap.swift: flatMapValues`() throws {
        try Example.run(
            """
            lines: 1=to be, 2=or not
            words: 1=to, 1=be, 2=or, 2=not
            """
        ) { example in
            let lines = example.lines
            let words = lines.flatMapValues { $0.split(separator: " ") }
            example.show("words", words)
        }
    }

    @Test func `Stream/FlatMap.swift: flatMapValues (2)`() throws {
        try Example.run(
            """
            lines: 1=to be
            words: 1=1:to, 1=1:be
            """
        ) { example in
            let lines = example.lines
            let words = lines.flatMapValues { number, line in line.split(separator: " ").map { "\(number):\($0)" } }
            example.show("words", words)
        }
    }

    @Test func `Stream/FlatMap.swift: flatMap`() throws {
        try Example.run(
            """
            orders: o1=ada 120
            halves: o1a=60, o1b=60
            """
        ) { example in
            let orders = example.orders
            let halves = orders.flatMap { id, order in [("\(id)a", order.amount / 2), ("\(id)b", order.amount / 2)] }
            example.show("halves", halves)
        }
    }

    @Test func `Stream/KGroupedStream.swift: groupByKey`() throws {
        try Example.run(
            """
            clicks: ada=/home, ada=/shop
            counts: ada=1, ada=2
            """
        ) { example in
            let clicks = example.clicks
            let counts = clicks.groupByKey().count()
            example.show("counts", counts)
        }
    }

    @Test func `Stream/KGroupedStream.swift: groupBy`() throws {
        try Example.run(
            """
            clicks: ada=/home, bob=/home
            counts: /home=1, /home=2
            """
        ) { example in
            let clicks = example.clicks
            let counts = clicks.groupBy { _, page in page }.count()
            example.show("counts", counts)
        }
    }

    @Test func `Stream/Map.swift: map`() throws {
        try Example.run(
            """
            orders: o1=ada 120
            amounts: ada=120
            """
        ) { example in
            let orders = example.orders
            let amounts = orders.map { _, order in (order.customer, order.amount) }
            example.show("amounts", amounts)
        }
    }

    @Test func `Stream/Map.swift: mapValues`() throws {
        try Example.run(
            """
            lines: 1=to be
            loud: 1=TO BE
            """
        ) { example in
            let lines = example.lines
            let loud = lines.mapValues { $0.uppercased() }
            example.show("loud", loud)
        }
    }

    @Test func `Stream/Map.swift: mapValues (2)`() throws {
        try Example.run(
            """
            clicks: ada=/home
            visits: ada=ada was at /home
            """
        ) { example in
            let clicks = example.clicks
            let visits = clicks.mapValues { user, page in "\(user) was at \(page)" }
            example.show("visits", visits)
        }
    }

    @Test func `Stream/Map.swift: selectKey`() throws {
        try Example.run(
            """
            orders: o1=ada 120
            byCustomer: ada=ada 120
            """
        ) { example in
            let orders = example.orders
            let byCustomer = orders.selectKey { _, order in order.customer }
            example.show("byCustomer", byCustomer)
        }
    }

    @Test func `Stream/Merge.swift: merge`() throws {
        try Example.run(
            """
            deposits: ada=100
            withdrawals: ada=30
            all: ada=100, ada=-30
            """
        ) { example in
            let deposits = example.deposits
            let withdrawals = example.withdrawals
            let all = deposits.merge(withdrawals.mapValues { -$0 })
            example.show("all", all)
        }
    }

    @Test func `Stream/Peek.swift: peek`() throws {
        try Example.run(
            """
            clicks: ada=/home
            pages: ada=/home
            notes: ada looks at /home
            """
        ) { example in
            let clicks = example.clicks
            let notes = example.notes
            let pages = clicks.peek { user, page in notes.add("\(user) looks at \(page)") }
            example.show("pages", pages)
        }
    }

    @Test func `Stream/Peek.swift: forEach`() throws {
        try Example.run(
            """
            clicks: ada=/home
            notes: ada looks at /home
            """
        ) { example in
            let clicks = example.clicks
            let notes = example.notes
            clicks.forEach { user, page in notes.add("\(user) looks at \(page)") }
        }
    }

    @Test func `Stream/Peek.swift: print`() throws {
        try Example.run(
            """
            clicks: ada=/home
            notes: [click]: ada, /home
            """
        ) { example in
            let clicks = example.clicks
            let notes = example.notes
            clicks.print(label: "click") { line in notes.add(line) }
        }
    }

    @Test func `Stream/Process.swift: process`() throws {
        try Example.run(
            """
            clicks: ada=/home, ada=/home, ada=/shop
            changes: ada=/home, ada=/shop
            """
        ) { example in
            let streams = example.streams
            let clicks = example.clicks
            final class Changes: Processor {
                static let last = KeyValueStoreName<String, String>("last")
                private var context: ProcessorContext<String, String>?
                private var last: KeyValueStore<String, String>?

                func start(_ context: ProcessorContext<String, String>) throws {
                    self.context = context
                    last = try context.store(Self.last)
                }

                func process(_ record: Record<String, String>) throws {
                    guard try last?.get(record.key) != record.value else { return }
                    try last?.put(record.key, record.value)
                    try context?.forward(record)
                }
            }
            streams.addStore(StoreDefinition(Changes.last))
            let changes = clicks.process(stores: [Changes.last]) { Changes() }
            example.show("changes", changes)
        }
    }
}
