// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Moldau
import Testing

struct GraphExamples {
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
            streams.addStore(.keyValue(counts))
            let moves = customers.transformValues(stores: [counts.name]) { context in
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
}
