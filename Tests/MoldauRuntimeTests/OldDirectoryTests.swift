import Foundation
import Moldau
import MoldauCluster
import MoldauClusterEmbedded
import MoldauRecords
import MoldauRuntime
import MoldauState
import MoldauTopology
import OldData
import Testing

/// A directory of a version whose stores did not record their layout.
struct OldDirectoryTests {
    /// A copy that is deleted with its last reference.
    private final class Copy {
        let path = NSTemporaryDirectory() + "/moldau-old-\(UUID().uuidString)"

        init() throws { try FileManager.default.copyItem(atPath: OldData.directory, toPath: path) }
        deinit { try? FileManager.default.removeItem(atPath: path) }

        func with<Answer>(_ body: (EmbeddedCluster) throws -> Answer) throws -> Answer {
            let cluster = try EmbeddedCluster(directory: path + "/topics", durability: .os)
            do {
                let answer = try body(cluster)
                try cluster.close()
                return answer
            } catch {
                try? cluster.close()
                throw error
            }
        }

        /// Runs until each key has its given result.
        func run(
            _ topology: Topology, _ cluster: EmbeddedCluster, until results: [String: String]
        ) throws -> [String: String] {
            let app = StreamsApplication(
                id: OldTopology.application, topology: topology,
                cluster: .cluster(cluster, stateDirectory: path + "/state"), configuration: OldTopology.configuration)
            do { try app.start() } catch {
                try? app.stop()
                throw error
            }
            let limit = Date() + 30
            var found: [String: String] = [:]
            while Date() < limit, app.state != .error {
                found = try Self.results(cluster)
                if results.allSatisfy({ found[$0.key] == $0.value }) { break }
                Thread.sleep(forTimeInterval: 0.02)
            }
            try app.stop()
            return found
        }

        /// The last result of each key.
        private static func results(_ cluster: EmbeddedCluster) throws -> [String: String] {
            let consumer = try cluster.makeConsumer(clientID: "reader")
            defer { consumer.close() }
            let place = TopicPartition(OldTopology.results.name, 0)
            try consumer.assign([place])
            try consumer.seek(place, to: .zero)
            var last: [String: String] = [:]
            while let batches = try consumer.poll(wait: .zero).first {
                var reader = RecordBatchReader(batches.bytes.bytes, from: batches.firstOffset)
                while let record = try reader.next() {
                    let (key, value) = (
                        try OldTopology.results.key.read(record.key), try OldTopology.results.value.read(record.value)
                    )
                    last[key] = value
                }
            }
            return last
        }
    }

    private static let start = OldTopology.start

    private func writeMore(_ cluster: EmbeddedCluster) throws {
        try OldData.send([("a", "x", Self.start + .seconds(720))], to: OldTopology.clicks, cluster)
        try OldData.send([("o2", "payment2", Self.start + .seconds(130))], to: OldTopology.payments, cluster)
    }

    private static let expected = [
        "counts a": "4", "counts b": "1", "hourly a@\(start.ms)": "4", "hourly b@\(start.ms)": "1",
        "sliding a@\(start.ms + 120_000)": "3", "visits a@\(start.ms + 700_000)": "2",
        "paid o1": "order1+payment1", "paid o2": "order2+payment2", "users a": "Ada", "prices a": "2",
        "countries a": "Austria",
    ]

    @Test(arguments: [false, true])
    func `an old directory opens with all its rows, with and without its state`(losesState: Bool) throws {
        let copy = try Copy()
        if losesState { try FileManager.default.removeItem(atPath: copy.path + "/state") }
        try copy.with { cluster in
            try writeMore(cluster)
            let found = try copy.run(try OldTopology.make(), cluster, until: Self.expected)
            for (key, value) in Self.expected { #expect(found[key] == value, "\(key)") }
        }
    }

    private func changed(_ make: (KGroupedStream<String, String>) -> KStream<String, String>) throws -> Topology {
        try Topology { streams in make(streams.stream(OldTopology.clicks).groupByKey()).to(OldTopology.results) }
    }

    @Test func `existing windows are kept when the retention changes`() throws {
        let store = WindowStoreName<String, Int64>("hourly")
        let copy = try Copy()
        try copy.with { cluster in
            try writeMore(cluster)
            let topology = try changed { grouped in
                grouped.windowedBy(.tumbling(.seconds(3_600), grace: .seconds(86_400))).count(as: store).toStream()
                    .map { window, count in ("hourly \(window.key)@\(window.window.start.ms)", "\(count ?? 0)") }
            }
            let key = "hourly a@\(Self.start.ms)"
            #expect(try copy.run(topology, cluster, until: [key: "4"])[key] == "4")
        }
    }

    @Test func `old stores that are opened as another kind are rejected based on their rows`() throws {
        let windows = try changed { grouped in
            grouped.windowedBy(.tumbling(.seconds(3_600), grace: .zero)).count(
                as: WindowStoreName<String, Int64>("counts")
            )
            .toStream { "\($0.key) \($1 ?? 0)" }.mapValues { "\($0 ?? 0)" }
        }
        let sessions = try changed { grouped in
            grouped.windowedBy(.sessions(gap: .seconds(60), grace: .zero))
                .count(as: SessionStoreName<String, Int64>("hourly")).toStream { "\($0.key) \($1 ?? 0)" }
                .mapValues { "\($0 ?? 0)" }
        }
        let plain = try changed { grouped in
            grouped.count(as: TableStoreName<String, Int64>("visits")).toStream().mapValues { "\($0 ?? 0)" }
        }
        let kinds = [
            (windows, "a store of another kind"), (sessions, "a store of windows"), (plain, "a store of sessions"),
        ]
        for (topology, kind) in kinds {
            let copy = try Copy()
            try copy.with { cluster in
                try writeMore(cluster)
                let error = #expect(throws: StateError.self) { try copy.run(topology, cluster, until: ["": ""]) }
                guard case .changed(_, _, let was, _) = error else {
                    Issue.record("unexpected error: \(String(describing: error))")
                    return
                }
                #expect(was == kind)
            }
        }
    }
}
