// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClusterKafka
import MoldauServiceLifecycle
import MoldauTesting
import Testing
import Tracing

struct MoldauTestingExamples {
    @Test func `MoldauTesting: MockProcessorContext`() throws {
        let mock = try MockProcessorContext<String, String>(storeDefinitions: Numbered.storeDefinitions)
        let processor = Numbered()
        try processor.start(mock.context)
        try processor.process(Record(key: "ada", value: "/home", timestamp: Timestamp(ms: 0)))
        #expect(mock.forwarded.map(\.value) == ["1 /home"])
        _ = mock
        _ = processor
    }

    func `MoldauTesting: TopologyTestDriver`(topology: Topology, lines: Topic<String, String>, counts: Topic<String, Int64>) throws {
        let driver = try TopologyTestDriver(topology)
        try driver.pipe(lines, key: "1", value: "all streams lead to Kafka", at: Timestamp(ms: 0))
        #expect(try driver.read(from: counts).count == 5)
        _ = driver
    }

    func `MoldauTesting: input`(driver: TopologyTestDriver, clicks: Topic<String, String>) throws {
        let input = driver.input(clicks, from: Timestamp(ms: 0), step: .seconds(10))
        try input.pipe(pairs: [("ada", "/home"), ("ada", "/shop")])  // at 0 s and at 10 s
        _ = input
    }
}
