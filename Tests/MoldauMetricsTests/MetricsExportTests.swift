import CoreMetrics
import Foundation
import MetricsTestKit
import Moldau
import MoldauCluster
import Testing

@testable import MoldauMetrics
@testable import MoldauRuntime

struct MetricHandlesTests {
    private let backend = TestMetrics()

    private func numbers(_ value: Double) -> [MetricSample] {
        var found = Measurements()
        found.add(.nodeProcessed, value, "count")
        found.add(.threadPollRatio, value / 10, "app-1")
        return found.all
    }

    private func counter(_ name: String, _ label: String, _ value: String) throws -> Double {
        let found = try backend.expectCounter(name, [("application", "app"), (label, value)])
        return Double(found.totalValue)
    }

    @Test func `counters grow by the difference, and meters have the last value`() throws {
        var handles = MetricHandles(application: "app", factory: backend)
        handles.update(numbers(3))
        handles.update(numbers(8))
        #expect(try counter("moldau_node_process_total", "node", "count") == 8)
        let meter = try backend.expectMeter("moldau_thread_poll_ratio", [("application", "app"), ("thread", "app-1")])
        #expect(meter.values.last == 0.8)
    }

    @Test func `a counter that restarts from a lower value keeps growing`() throws {
        var handles = MetricHandles(application: "app", factory: backend)
        for value in [5.0, 2, 4] { handles.update(numbers(value)) }
        #expect(try counter("moldau_node_process_total", "node", "count") == 9)
    }

    @Test func `a summary is exported as its count, its sum and its quantiles`() throws {
        var handles = MetricHandles(application: "app", factory: backend)
        var found = Measurements()
        found.add(
            .threadCommitTime,
            .summary(count: 4, sum: 12, quantiles: [MetricSample.Quantile(share: 0.99, seconds: 5)]), ["app-1"])
        handles.update(found.all)
        #expect(try counter("moldau_thread_commit_latency_seconds_count", "thread", "app-1") == 4)
        #expect(try counter("moldau_thread_commit_latency_seconds_sum", "thread", "app-1") == 12)
        let meter = try backend.expectMeter(
            "moldau_thread_commit_latency_seconds",
            [("application", "app"), ("thread", "app-1"), ("quantile", "0.99")])
        #expect(meter.values == [5])
    }

    @Test func `metrics that are no longer measured are destroyed`() throws {
        var handles = MetricHandles(application: "app", factory: backend)
        handles.update(numbers(3))
        handles.update([])
        #expect(throws: (any Error).self) { try counter("moldau_node_process_total", "node", "count") }
        #expect(throws: (any Error).self) {
            try backend.expectMeter("moldau_thread_poll_ratio", [("application", "app"), ("thread", "app-1")])
        }
    }
}

struct MetricsExportTests {
    private func write(_ count: Int64, to cluster: EmbeddedCluster) throws {
        let writer = try TopicWriter(Topic<String, String>("in"), on: cluster)
        for number in 0..<count { try writer.write(Record(key: "k", value: "v", timestamp: Timestamp(ms: number))) }
        try writer.flush()
    }

    @Test func `an application's metrics are in the backend while the export runs`() async throws {
        let backend = TestMetrics()
        let cluster = try EmbeddedCluster(inMemoryWithClock: { Timestamp(ms: 0) })
        try await cluster.withAdmin {
            try $0.create([NewTopic("in", partitionCount: 1), NewTopic("out", partitionCount: 1)])
        }
        let topology = try Topology { streams in
            streams.stream(Topic<String, String>("in")).to(Topic<String, String>("out"), named: "sink")
        }
        let app = StreamsApplication(
            id: "app", topology: topology, cluster: .cluster(cluster, stateDirectory: nil))
        let running = Task { try await app.run() }
        let exporting = Task { await MetricsExport(of: app, every: .milliseconds(10), to: backend).run() }
        try write(7, to: cluster)
        let sink = [("application", "app"), ("node", "sink")]
        var seen: Int64 = 0
        // Limited by tries, not by time: on a busy machine all tasks have to wait.
        for _ in 0..<6_000 where seen < 7 {
            try await Task.sleep(for: .milliseconds(10))
            seen = (try? backend.expectCounter("moldau_node_process_total", sink))?.totalValue ?? 0
        }
        #expect(seen == 7)
        exporting.cancel()
        await exporting.value
        #expect(throws: (any Error).self) {
            try backend.expectCounter("moldau_node_process_total", sink)
        }
        running.cancel()
        try await running.value
    }
}
