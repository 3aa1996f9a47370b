// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Moldau
import Testing

struct GraphExamples {
    @Test func `Graph/GlobalStore.swift: addGlobalStore`() throws {
        try Example.run(
            """
            shouted: ada=HELLO
            customers: ada=Prague, bob=Brno
            known: ada=Prague 5, bob=nil
            """
        ) { example in
            let streams = example.streams
            let customers = example.customers
            let shouted = example.shouted
            final class Lengths: Processor {
                static let lengths = KeyValueStoreName<String, Int>("lengths")
                private var lengths: KeyValueStore<String, Int>?

                func start(_ context: ProcessorContext<Never, Never>) throws { lengths = try context.store(Self.lengths) }
                func process(_ record: Record<String, String>) throws { try lengths?.put(record.key, record.value.count) }
            }
            streams.addGlobalStore(StoreDefinition(Lengths.lengths), from: shouted) { Lengths() }

            let known = customers.transformValues { context in
                let lengths = try context.store(Lengths.lengths)
                return { name, city in try lengths.get(name).map { "\(city ?? "") \($0)" } }
            }
            example.show("shouted", shouted)
            example.show("known", known)
        }
    }

    @Test func `Graph/Materialized.swift: Materialized`() throws {
        try Example.run(
            """
            clicks: ada=/home, bob=/home, ada=/shop
            visits: ada=1, bob=1, ada=2
            """
        ) { example in
            let clicks = example.clicks
            let counts = TableStoreName<String, Int64>("counts")
            let visits = clicks.groupByKey().count(as: Materialized(counts, kind: .inMemory))
            example.show("visits", visits)
        }
    }

    @Test func `Graph/Materialized.swift: Materialized (2)`() throws {
        try Example.run(
            """
            clicks: ada=/home, ada=/shop
            visits: ada=1, ada=2
            """
        ) { example in
            let clicks = example.clicks
            let visits = clicks.groupByKey().count(as: Materialized(isLogged: false))
            example.show("visits", visits)
        }
    }

    @Test func `Graph/Materialized.swift: Materialized (3)`() throws {
        try Example.run(
            """
            totals: ada@10=5, ada@30=7
            clicks: ada@20=/home, ada@40=/shop
            priced: ada@20=/home 5, ada@40=/shop 7
            """
        ) { example in
            let streams = example.streams
            let clicks = example.clicks
            let totals = example.totals
            let prices = VersionedStoreName<String, Int>("prices", historyRetention: .seconds(60))
            let rows = streams.table(totals, as: prices)
            let priced = clicks.join(rows) { page, price in "\(page) \(price)" }
            example.show("totals", totals)
            example.show("priced", priced)
        }
    }

    @Test func `Graph/Materialized.swift: Materialized (4)`() throws {
        try Example.run(
            """
            clicks: ada=/home, ada=/shop, bob=/home, eve=/home, ada=/home
            recent: ada=1, ada=2, bob=1, eve=1, ada=1
            """
        ) { example in
            let clicks = example.clicks
            let recent = clicks.groupByKey().count(as: LRUTableStoreName("recent", maxEntries: 2))
            example.show("recent", recent)
        }
    }

    @Test func `Graph/ReadOnlyStore.swift: addReadOnlyStore`() throws {
        try Example.run(
            """
            totals: ada=5, ada=7
            customers: ada=Prague, bob=Brno
            worth: ada=7, bob=nil
            """
        ) { example in
            let streams = example.streams
            let customers = example.customers
            let totals = example.totals
            let prices = ReadOnlyStoreName<String, Int>("prices")
            streams.addReadOnlyStore(prices, from: totals)

            let worth = customers.transformValues(stores: [prices]) { context in
                let prices = try context.store(prices)
                return { name, _ in try prices.get(name) }
            }
            example.show("totals", totals)
            example.show("worth", worth)
        }
    }

    @Test func `Graph/StoreKinds.swift: custom`() throws {
        try Example.run(
            """
            shouted: ada=TO BE, ada=OR NOT
            counts: ada=1, ada=2
            """
        ) { example in
            let shouted = example.shouted
            /// A list in key order. It forgets all with its process: the changelog brings that back.
            final class SortedList: CustomByteStore {
                private var entries: [(key: [UInt8], value: [UInt8])] = []

                func get(_ key: [UInt8]) -> [UInt8]? { entries.first { $0.key == key }?.value }

                func write(_ changes: [(key: [UInt8], value: [UInt8]?)]) {
                    for (key, value) in changes {
                        entries.removeAll { $0.key == key }
                        if let value { entries.append((key, value)) }
                    }
                    entries.sort { $0.key.lexicographicallyPrecedes($1.key) }
                }

                func range(
                    from lower: [UInt8], upTo upper: [UInt8]?, reversed: Bool
                ) -> () throws -> (key: [UInt8], value: [UInt8])? {
                    let found = entries.filter { entry in
                        !entry.key.lexicographicallyPrecedes(lower)
                            && upper.map { entry.key.lexicographicallyPrecedes($0) } ?? true
                    }
                    var left = (reversed ? found.reversed() : found).makeIterator()
                    return { left.next() }
                }

                func close() {}
            }
            let lists = ByteStoreProvider("sorted lists") { _ in SortedList() }
            let counts = Topic<String, Int64>("counts")
            let topology = try Topology(TopologyOptions(storeKinds: .custom(lists))) { streams in
                streams.stream(shouted).groupByKey().count().toStream().to(counts)
            }
            example.topology = topology
            example.show("shouted", shouted)
            example.show("counts", counts)
        }
    }

    @Test func `Graph/StreamsBuilder.swift: addStore`() throws {
        try Example.run(
            """
            customers: ada=Prague, ada=Brno
            moves: ada=1, ada=2
            """
        ) { example in
            let streams = example.streams
            let customers = example.customers
            let counts = KeyValueStoreName<String, Int>("counts")
            streams.addStore(StoreDefinition(counts))
            let moves = customers.transformValues(stores: [counts]) { context in
                let counts = try context.store(counts)
                return { name, _ in try counts.update(name) { ($0 ?? 0) + 1 }.new }
            }
            example.show("moves", moves)
        }
    }

    @Test func `Graph/StreamsBuilder.swift: init`() throws {
        try Example.run(
            """
            lines: 1=to be
            shouted: 1=TO BE
            """
        ) { example in
            let lines = Topic<String, String>("lines")
            let shouted = Topic<String, String>("shouted")
            let topology = try Topology { streams in
                streams.stream(lines).mapValues { $0.uppercased() }.to(shouted)
            }
            example.topology = topology
            example.show("lines", lines)
            example.show("shouted", shouted)
        }
    }

    @Test func `Graph/TopologyNodes.swift: addProcessor`() throws {
        try Example.run(
            """
            numbers: a=4
            even: a=8
            """
        ) { example in
            final class Doubler: Processor {
                private var context: ProcessorContext<String, Int>?

                func start(_ context: ProcessorContext<String, Int>) { self.context = context }
                func process(_ record: Record<String, Int>) throws {
                    try context?.forward(record.with(value: record.value * 2), to: "even-sink")
                }
            }
            let (numbers, even) = (Topic<String, Int>("numbers"), Topic<String, Int>("even"))
            var topology = Topology()
            try topology.addSource("numbers-source", reading: [numbers])
            try topology.addProcessor("doubler", after: ["numbers-source"]) { Doubler() }
            try topology.addSink("even-sink", to: even, after: ["doubler"])
            example.topology = topology
            example.show("numbers", numbers)
            example.show("even", even)
        }
    }
}
