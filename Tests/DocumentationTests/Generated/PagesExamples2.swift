// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauMetrics
import MoldauServer
import MoldauServiceLifecycle
import MoldauSettings
import MoldauTesting
import MoldauTracing
import Testing

struct PagesExamples2 {
    @Test func `Sources/Moldau/Moldau.docc/HelloKafka.md (3)`() throws {
        let clicks = Topic<String, String>("clicks")
        let visits = Topic<String, Int64>("page-visits")
        let topology = try Topology { streams in
            streams.stream(clicks).groupBy { _, page in page }.count().toStream().to(visits)
        }
        let driver = try TopologyTestDriver(topology)
        try driver.pipe(clicks, key: "ada", value: "/shoes")
        try driver.pipe(clicks, key: "bob", value: "/shoes")
        try driver.pipe(clicks, key: "ada", value: "/hats")

        let counts = try driver.read(from: visits)
        #expect(counts.map(\.key) == ["/shoes", "/shoes", "/hats"])
        #expect(counts.map(\.value) == [1, 2, 1])
    }

    func `Sources/Moldau/Moldau.docc/HelloKafka.md (4)`(_ example: Example) async throws {
        func countPages() async throws {
            let visits = try Topology { streams in
                streams.stream(Topic<String, String>("clicks"))
                    .groupBy { _, page in page }
                    .count()
                    .toStream()
                    .to(Topic<String, Int64>("page-visits"))
            }
            let app = StreamsApplication(id: "page-visits", topology: visits, cluster: .embedded(at: "data"))
            try await app.run(stoppingAt: [SIGINT, SIGTERM])
        }
    }
}
