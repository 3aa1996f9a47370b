import Moldau
import MoldauCluster
import MoldauRecords
import MoldauRuntime
import MoldauTopology
import Testing

struct CompressedTopicTests {
    /// The topic is compressed at first, then not, then again. A queue reads records ahead, but none beyond a
    /// compressed batch: its memory would be released.
    @Test(arguments: ["gzip", "snappy", "lz4", "zstd"])
    func `an application processes every record of compressed batches, in order`(codec: String) throws {
        let fixture = try ClusterFixture()
        try fixture.admin.create([
            NewTopic("input", partitionCount: 1, configuration: ["retention.ms": "-1", "compression.type": codec])
        ])
        let values = (0..<90).map { number in "\(number) " + String(repeating: "value \(number) ", count: 1 + number) }
        for (number, value) in values.enumerated() {
            if number == 30 { try fixture.admin.configure("input", ["compression.type": "producer"]) }
            if number == 60 { try fixture.admin.configure("input", ["compression.type": codec]) }
            try fixture.write("input", "k", value, at: Int64(number))
        }
        let seen = Gathered<String>()
        var topology = Topology()
        try topology.addSource("source", reading: [Topic<String, String>("input")])
        try topology.addProcessor("see", after: ["source"]) {
            (record: Record<String, String>, _, _: Inlet<String, String>.Receive) in seen.add(record.value)
        }
        try fixture.thread(topology).runUntilIdle()
        #expect(seen.all == values)
    }
}
