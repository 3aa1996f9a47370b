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

    func `TopicWriter.swift: TopicWriter`(_ example: Example) throws {
        let totals = Topic<String, Int64>("totals")
        let cluster = try EmbeddedCluster(directory: "data/topics")
        let writer = try TopicWriter(totals, on: cluster)
        try writer.write(Record(key: "ada", value: 120, timestamp: EmbeddedCluster.systemClock()))
        try writer.flush()
        _ = totals
        _ = cluster
        _ = writer
    }
}
