// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Moldau
import Testing

struct ApplicationExamples {
    func `StreamsApplication.swift: StreamsApplication`(_ example: Example) async throws {
        let topology = example.topology
        let app = StreamsApplication(id: "word-count", topology: topology, cluster: .embedded(at: "data"))
        try await app.run()
        _ = app
    }
}
