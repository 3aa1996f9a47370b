import Foundation
import Moldau
import MoldauCluster
import MoldauRecords
import MoldauTopology
import ProgramSupport
import Testing

@testable import MoldauRuntime

/// The metrics of an application.
struct MetricsTests {
    private static let visits = Topic<String?, String>("visits")
    private static let currencies = Topic<String, String>("currencies")
    private static let counts = TableStoreName<String?, Int64>("counts")

    private static func topology() throws -> Topology {
        try Topology { streams in
            _ = streams.globalTable(currencies, as: TableStoreName("names"))
            streams.stream(visits, named: "visits-source").groupByKey(named: "by-key")
                .count(as: counts, named: "counted").toStream()
                .mapValues { $0 ?? 0 }.to(Topic<String?, Int64>("out"), named: "sink")
        }
    }

    private static func write(_ count: Int64, withoutKeyTo cluster: EmbeddedCluster) throws {
        let writer = try TopicWriter(visits, on: cluster)
        for number in 0..<count { try writer.write(Record(key: nil, value: "x", timestamp: Timestamp(ms: number))) }
        try writer.flush()
    }

    /// Two threads with a copy of each store, state on disk, and 40 records, four of which have no key.
    private func counted(_ body: (StreamsApplication, [MetricSample]) async throws -> Void) async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 2, "currencies": 1, "out": 1])
        try fixture.write("currencies", "EUR", "Euro", at: 0)
        var configuration = StreamsConfiguration()
        configuration.commitInterval = .milliseconds(20)
        configuration.streamThreads = 2
        configuration.standbys = 1
        let app = StreamsApplication(
            id: "app", topology: try Self.topology(),
            cluster: .cluster(fixture.cluster, stateDirectory: fixture.directory), configuration: configuration)
        try await app.started()
        for number in 0..<36 {
            try fixture.write("visits", "k\(number % 6)", "x", at: Int64(number), partition: Int32(number % 2))
        }
        try Self.write(4, withoutKeyTo: fixture.cluster)
        for _ in 0..<2_000 {
            let found = try await app.measurements()
            // Lags are as of the last fetch, which may have been before the records without a key.
            if found.sum("moldau_thread_process_total") == 40, found.sum("moldau_partition_records_lag") == 0,
                found.sum("moldau_topic_records_produced_total", "out") == 36
            {
                try await body(app, found)
                return try await app.stopped()
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("not all records were processed")
        try await app.stopped()
    }

    @Test func `counts match the processed records`() async throws {
        try await counted { app, found in
            #expect(found.sum("moldau_thread_process_total") == 40)
            #expect(found.sum("moldau_task_process_total") == 40)
            #expect(found.sum("moldau_partition_records_consumed_total", "visits") == 40)
            #expect(found.sum("moldau_node_process_total", "visits-source") == 40)
            #expect(found.sum("moldau_node_forward_total", "counted") == 36)
            #expect(found.sum("moldau_node_dropped_records_total") == 4)
            #expect(found.sum("moldau_node_dropped_records_total", DropReason.nullKey.rawValue) == 4)
            #expect(found.sum("moldau_topic_records_produced_total", "out") == 36)
            #expect(found.sum("moldau_topic_bytes_produced_total", "out") > 36 * 10)
            #expect((1...Double(app.metrics.commits)).contains(found.sum("moldau_thread_commit_total")))
            #expect(found.sum("moldau_client_state", "running") == 1)
            #expect(found.sum("moldau_client_state") == 1)
            #expect(found.sum("moldau_client_alive_stream_threads") == 2)
            #expect(found.sum("moldau_client_rebalance_total") >= 1)
            #expect(found.sum("moldau_client_failed_stream_threads_total") == 0)
            #expect(found.sum("moldau_thread_tasks", "running") == 2)
            #expect(found.sum("moldau_thread_tasks", "standby") == 2)
            // Each thread has a copy of the global table.
            #expect(found.sum("moldau_thread_global_update_total") == 2)
            #expect(found.sum("moldau_store_cache_size_bytes", "counts") > 0)
            #expect(found.sum("moldau_broker_log_size_bytes", "visits") > 0)
            #expect(found.sum("moldau_client_state_memory_budget_bytes") == Double(256 << 20))
        }
    }

    @Test func `latencies follow the records' timestamps, and durations are measured`() async throws {
        try await counted { _, found in
            // The records' timestamps are in 1970, and the application's clock shows the present.
            #expect(found.sum("moldau_topic_record_e2e_latency_min_seconds", "out") > 1e9)
            let most = found.sum("moldau_topic_record_e2e_latency_max_seconds", "out")
            #expect(most >= found.sum("moldau_topic_record_e2e_latency_min_seconds", "out"))
            for activity in ["process", "poll", "commit"] {
                let times = found.filter { $0.metric.name == "moldau_thread_\(activity)_latency_seconds" }
                #expect(times.count == 2)
                for case .summary(let count, let sum, let quantiles) in times.map(\.value) where count > 0 {
                    #expect(sum > 0 && quantiles.map(\.share) == [0.5, 0.99])
                }
                #expect(found.sum("moldau_thread_\(activity)_latency_max_seconds") > 0)
                #expect((0...2).contains(found.sum("moldau_thread_\(activity)_ratio")))
            }
        }
    }

    @Test func `every listed metric is measured, and no other`() async throws {
        try await counted { _, found in
            #expect(Set(found.map(\.metric.name)) == Set(Metric.all.map(\.name)))
            for measurement in found { #expect(measurement.labels.count == measurement.metric.labels.count) }
            let places = found.map { "\($0.metric.name) \($0.labels)" }
            #expect(Set(places).count == places.count, "each is measured once")
        }
    }

    @Test func `the metrics are rendered in Prometheus' text format`() async throws {
        try await counted { app, _ in
            let text = try await app.prometheus()
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.last == "")
            var types: [String: String] = [:]
            var current = ""
            for line in lines.dropLast() {
                if let found = line.wholeMatch(of: /# HELP (moldau_[a-z0-9_]+) [^\n]+/) {
                    current = String(found.1)
                    #expect(types[current] == nil, "\(current) has one HELP line")
                } else if let found = line.wholeMatch(of: /# TYPE (moldau_[a-z0-9_]+) (counter|gauge|summary)/) {
                    #expect(String(found.1) == current)
                    types[current] = String(found.2)
                } else {
                    let found = try #require(
                        line.wholeMatch(
                            of: /([a-z0-9_]+)\{application="app"(?:,[a-z]+="(?:[^"\\\n]|\\["\\n])*")*\} ([0-9.e+-]+)/),
                        "\(line)")
                    let name = String(found.1)
                    let isPart = types[current] == "summary" && ["\(current)_sum", "\(current)_count"].contains(name)
                    #expect(name == current || isPart, "\(line)")
                    #expect(Double(String(found.2)) != nil, "\(line)")
                }
            }
            #expect(types.count == Metric.all.count)
        }
    }

    @Test func `the lag is reported, and a second request within five seconds gets the same report`() async throws {
        try await counted { app, _ in
            let began = ContinuousClock.now
            let (report, again) = (try await app.lag(), try await app.lag())
            // Within five seconds no other sample is taken.
            if ContinuousClock.now - began < .seconds(5) { #expect(again == report) }
            let own = try #require(report.groups.first { $0.group == "app" })
            let visits = own.partitions.filter { $0.topic == "visits" }
            #expect(visits.reduce(0) { $0 + $1.end.value } == 40)
        }
    }

    @Test func `other groups are reported only on request`() async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 1, "currencies": 1, "out": 1])
        try fixture.write("visits", "k", "x", at: 1)
        let other = try fixture.cluster.makeConsumer(ConsumerOptions(clientID: "other", group: "other"))
        try other.commit([TopicPartition("visits", 0): CommittedOffset(Offset(0))])
        other.close()
        let app = StreamsApplication(
            id: "app", topology: try Self.topology(), cluster: .cluster(fixture.cluster, stateDirectory: nil))
        try await app.started()
        #expect(try await app.lag().groups.allSatisfy { $0.group == "app" })
        let all = try await app.lag(ofAllGroups: true)
        #expect(all.groups.first { $0.group == "other" }?.lag == 1)
        try await app.stopped()
    }

    /// A task that waits for another partition has records that are not processed.
    @Test func `status and metrics report the same age of the next record`() async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["left": 1, "right": 1])
        let (left, right) = (Topic<String, String>("left"), Topic<String, String>("right"))
        let topology = try Topology { streams in
            streams.stream(left).merge(streams.stream(right)).forEach { _, _ in }
        }
        var configuration = StreamsConfiguration()
        configuration.taskIdling = .upTo(.seconds(3_600))
        let app = StreamsApplication(
            id: "app", topology: topology, cluster: .cluster(fixture.cluster, stateDirectory: fixture.directory),
            configuration: configuration, clock: { Timestamp(ms: 90_000) })
        try await app.started()
        // The second record of the left side waits for one of the right side, which never arrives.
        try fixture.write("left", "k", "1", at: 10_000)
        try fixture.write("right", "k", "1", at: 20_000)
        try fixture.write("left", "k", "2", at: 30_000)
        for _ in 0..<2_000 {
            let inputs = try await app.engine.explained().accounts.flatMap(\.tasks).flatMap(\.inputs)
            if inputs.first(where: { $0.partition.topic == "left" })?.lagMs == 60_000 {
                #expect(try await app.measurements().sum("moldau_partition_lag_seconds", "left") == 60)
                let disk = try #require(try await app.engine.diskUse())
                #expect(disk.storeBytes == 0 && disk.topicBytes ?? 0 > 0)
                #expect(disk.space?.freeBytes ?? 0 > 0)
                return try await app.stopped()
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("no record waits")
    }

    @Test func `an application that has not started or has ended also has metrics`() async throws {
        let fixture = try ClusterFixture()
        try fixture.create(["visits": 1, "currencies": 1, "out": 1])
        let app = StreamsApplication(
            id: "app", topology: try Self.topology(), cluster: .cluster(fixture.cluster, stateDirectory: nil))
        #expect(try await app.measurements().sum("moldau_client_state", "created") == 1)
        try await app.started()
        try await app.stopped()
        let found = try await app.measurements()
        #expect(found.sum("moldau_client_state", "notRunning") == 1)
        #expect(found.sum("moldau_client_alive_stream_threads") == 0)
    }
}

/// The page about operating an application documents each metric.
struct MetricTableTests {
    @Test func `the documented table of metrics matches the program`() throws {
        let page = BuiltProgram.repository.appending(path: "Docs/Operating.md")
        let rows = try String(contentsOf: page, encoding: .utf8).split(separator: "\n")
            .filter { $0.hasPrefix("| `moldau_") }
        let expected = Metric.all.map { metric in
            let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
            let kafka = metric.kafkaName.map { "`\($0)`" } ?? ""
            return
                "| `\(metric.name)` | \(metric.kind.rawValue) | \(metric.unit.rawValue) | \(labels) | \(kafka) | \(metric.meaning) |"
        }
        #expect(rows.map(String.init) == expected)
    }

    @Test func `names are valid for Prometheus, and include their kind and unit`() {
        for metric in Metric.all {
            #expect(metric.name.wholeMatch(of: /moldau_[a-z0-9_]+/) != nil, "\(metric.name)")
            #expect(
                metric.name.hasSuffix("_total") == (metric.kind == .counter), "\(metric.name)")
            if [.seconds, .bytes].contains(metric.unit) {
                #expect(metric.name.contains("_\(metric.unit.rawValue)"), "\(metric.name)")
            }
            #expect(metric.meaning.hasSuffix("."), "\(metric.name)")
        }
        #expect(Set(Metric.all.map(\.name)).count == Metric.all.count)
    }
}

struct PrometheusTextTests {
    @Test func `quotes, backslashes and line feeds of labels are escaped`() {
        var found = Measurements()
        found.add(.nodeProcessed, 3, "a\"b\\c\nd")
        let text = PrometheusText(application: "x\"").render(found.all)
        #expect(
            text == #"""
                # HELP moldau_node_process_total Records that reached a node.
                # TYPE moldau_node_process_total counter
                moldau_node_process_total{application="x\"",node="a\"b\\c\nd"} 3

                """#)
    }

    @Test(arguments: [
        (0.5, "0.5"), (1e20, "1e+20"), (-2, "-2"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
    ])
    func `numbers are written in Prometheus' format`(value: Double, text: String) {
        var found = Measurements()
        found.add(.threadPollRatio, value, "t")
        #expect(PrometheusText(application: "x").render(found.all).hasSuffix("} \(text)\n"))
    }
}

struct RecentValuesTests {
    @Test func `values older than a minute are dropped, and values younger than half a minute are kept`() {
        var recent = RecentValues<[Int]>([])
        #expect(recent.recent(at: .zero) == nil)
        for second in stride(from: 0, to: 65, by: 5) { recent.update(at: .seconds(second)) { $0.append(second) } }
        let now = recent.recent(at: .seconds(64))
        #expect(now?.values == [[30, 35, 40, 45, 50, 55], [60]] && now?.since == .seconds(30))
        let later = recent.recent(at: .seconds(95))
        #expect(later?.values == [[60], []] && later?.since == .seconds(60))
        #expect(recent.recent(at: .seconds(125))?.values == [[]])
    }

    @Test func `times of an activity are summed, and their ratio is of the elapsed time`() {
        var times = ActivityTimes()
        #expect(times.ratio(at: .seconds(1)) == 0 && times.longest(at: .seconds(1)) == 0)
        for second in 1...20 { times.add(.milliseconds(second == 7 ? 400 : 100), at: .seconds(second)) }
        #expect(abs(times.ratio(at: .seconds(21)) - 2.3 / 20) < 0.001)
        #expect(times.longest(at: .seconds(21)) == 0.4)
        guard case .summary(let count, let sum, let quantiles) = times.summary(at: .seconds(21)) else {
            return #expect(Bool(false), "expected a summary")
        }
        #expect(count == 20 && abs(sum - 2.3) < 0.001)
        #expect(abs((quantiles.first?.seconds ?? 0) - 0.1) < 0.1 / 16)
        #expect(abs((quantiles.last?.seconds ?? 0) - 0.4) < 0.4 / 16)
        // The sum is kept, the recent values expire.
        #expect(times.longest(at: .seconds(200)) == 0)
        #expect(times.summary(at: .seconds(200)) == .summary(count: 20, sum: sum, quantiles: []))
    }

    @Test func `ages of records saturate, and are never negative`() {
        var sent = SentRecords()
        sent.add(
            records: 3, bytes: 70, first: Timestamp(ms: 1_000), latest: Timestamp(ms: 4_000),
            now: RoundTime(Timestamp(ms: 5_000), uptime: .zero))
        sent.add(
            records: 1, bytes: 30, first: Timestamp(ms: 9_000), latest: Timestamp(ms: 9_000),
            now: RoundTime(Timestamp(ms: 6_000), uptime: .seconds(1)))
        #expect(sent.records == 4 && sent.bytes == 100)
        #expect(sent.ages(at: .seconds(2)) == 0...4)
        #expect(sent.ages(at: .seconds(100)) == nil)
        sent.add(
            records: 1, bytes: 1, first: Timestamp(ms: .min), latest: Timestamp(ms: .max),
            now: RoundTime(Timestamp(ms: .max), uptime: .seconds(100)))
        #expect(sent.ages(at: .seconds(100))?.lowerBound == 0)
    }
}

extension [MetricSample] {
    /// The sum of a metric's numbers, of those with a label's value if one is given.
    fileprivate func sum(_ name: String, _ label: String? = nil) -> Double {
        reduce(0) { sum, measurement in
            guard measurement.metric.name == name, label.map(measurement.labels.contains) ?? true,
                case .number(let value) = measurement.value
            else { return sum }
            return sum + value
        }
    }
}
