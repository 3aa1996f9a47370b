import ArgumentParser
import ExampleSupport
import Foundation
import Moldau
import MoldauCluster
import Synchronization

/// A run of a workload on a cluster: its input is written, then an application processes it.
struct WorkloadRun {
    let workload: Workload
    let input: String
    let cluster: any ClusterPort
    let stateDirectory: String
    let partitions: Int32
    let limit: Int?
    let options: TopologyOptions
    let configuration: StreamsConfiguration
    /// Where the application's metrics are written every second, in Prometheus' format; nil: they are not written.
    var metricsFile: String?
    /// Queries counts during the run; nil: there are no queries.
    var lookUps: LookUps?

    struct Outcome {
        let line: String
        let sums: OutputSums
    }

    private static let applicationID = "bench"

    func measured() throws -> Outcome {
        try createTopics()
        let measured = MeasuredCluster(cluster)
        let app = StreamsApplication(
            id: Self.applicationID, topology: try workload.topology(options),
            cluster: .cluster(measured, stateDirectory: stateDirectory), configuration: configuration)
        try writeInput(beforeStartOf: app)
        let (before, earlier) = (app.metrics, measured.commits.withLock { $0 })
        Cost.forgetPeak()
        let start = Cost.now
        if workload == .w3 { app.resume() } else { try app.start() }
        let reading = metricsFile.map { file in Task { try await Self.read(app, into: file) } }
        defer { reading?.cancel() }
        let asking = lookUps.map { lookUps in Task { await lookUps.ask(app) } }
        defer { asking?.cancel() }
        try wait(for: app)
        let lookedUp = try lookUps?.line(over: (Cost.now - start).wallSeconds)
        asking?.cancel()
        try app.stop()
        let cost = Cost.now - start
        let metrics = app.metrics
        // Read before the sums of the output are computed, which hold every key.
        let peak = Cost.peakMemoryBytes
        let commits = measured.commits.withLock { $0 }
        let waited = (commits.time - earlier.time) / max(1, commits.count - earlier.count)
        let sums = try OutputSums(of: workload, on: cluster)
        let records = workload == .w1 ? Int(sums.wordCount) : Int(metrics.processedRecords - before.processedRecords)
        let line =
            [
                "moldau \(workload) records \(records)", fixed("wall_s", cost.wallSeconds),
                fixed("cpu_s", cost.cpuSeconds),
                "per_wall_s \(Int(Double(records) / cost.wallSeconds)) per_cpu_s \(Int(Double(records) / cost.cpuSeconds))",
                "commits \(metrics.commits - before.commits)",
                fixed("commit_wait_ms", Double(waited.components.attoseconds) / 1e15),
                "peak_mib \(peak >> 20) written_mib \(cost.bytesWritten >> 20)",
                "check \(sums.description)",
            ] + [lookedUp].compactMap(\.self)
        guard metrics.drops.isEmpty else { throw ValidationError("records were dropped: \(metrics.drops)") }
        return Outcome(line: line.joined(separator: " "), sums: sums)
    }

    /// The words of the input's first lines.
    func someWords() throws -> [String] {
        let file = try FileHandle(forReadingFrom: URL(filePath: "\(input)/words.txt"))
        let text = String(decoding: try file.read(upToCount: 1 << 20) ?? Data(), as: UTF8.self)
        // The last word may be cut.
        return Array(Set(text.split(whereSeparator: \.isWhitespace).dropLast().map(String.init))).sorted()
    }

    private static func read(_ app: StreamsApplication, into file: String) async throws {
        while true {
            try await app.prometheus().write(toFile: file, atomically: true, encoding: .utf8)
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func fixed(_ name: String, _ number: Double) -> String { String(format: "%@ %.2f", name, number) }

    /// - Throws: if the sums are not those of EXPECTED.txt.
    func check(_ outcome: Outcome) throws {
        guard limit == nil else { return }
        try outcome.sums.compare(
            with: try String(contentsOfFile: "\(input)/EXPECTED.txt", encoding: .utf8),
            everyChange: options.emission == .everyChange)
    }

    private func createTopics() throws {
        let admin = try cluster.makeAdmin()
        defer { admin.close() }
        try admin.create(
            (workload.inputs + [workload.output]).map {
                NewTopic($0, partitionCount: partitions, configuration: ["retention.ms": "-1"])
            })
    }

    /// A join's table is read, committed and stored before the stream is written; the application waits then.
    private func writeInput(beforeStartOf app: StreamsApplication) throws {
        switch workload {
        case .w1:
            try InputFile(path: "\(input)/words.txt", limit: limit).write(to: Workload.lines.name, on: cluster) {
                line, _ in
                .init(key: nil, value: line, timestamp: Timestamp(ms: 1_700_000_000_000))
            }
        case .w2:
            try InputFile(path: "\(input)/events.csv", limit: limit).write(to: Workload.events.name, on: cluster) {
                line, writer in event(line, &writer)
            }
        case .w3:
            try InputFile(path: "\(input)/table.csv", limit: nil).write(to: Workload.rows.name, on: cluster) {
                line, _ in keyed(line)
            }
            try app.start()
            try wait(for: app)
            // The rows are stored after two seconds; then RocksDB sorts its files.
            Thread.sleep(forTimeInterval: 6)
            app.pause()
            try InputFile(path: "\(input)/stream.csv", limit: limit).write(to: Workload.stream.name, on: cluster) {
                line, _ in keyed(line)
            }
        }
    }

    /// `key,timestamp,value`
    private func event(_ line: UnsafeRawBufferPointer, _ writer: inout ByteWriter) -> InputFile.Entry {
        let comma = UInt8(ascii: ",")
        let first = line.firstIndex(of: comma)!
        let second = line[(first + 1)...].firstIndex(of: comma)!
        let time = line[(first + 1)..<second].reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
        writer.append(bigEndian: Double(String(decoding: line[(second + 1)...], as: UTF8.self))!.bitPattern)
        return .init(
            key: UnsafeRawBufferPointer(rebasing: line[..<first]), value: writer.bytes, timestamp: Timestamp(ms: time))
    }

    /// `key,value`
    private func keyed(_ line: UnsafeRawBufferPointer) -> InputFile.Entry {
        let comma = line.firstIndex(of: UInt8(ascii: ","))!
        return .init(
            key: UnsafeRawBufferPointer(rebasing: line[..<comma]),
            value: UnsafeRawBufferPointer(rebasing: line[(comma + 1)...]), timestamp: Timestamp(ms: 1_700_000_000_000))
    }

    /// Returns when everything is processed and committed. Blocks.
    private func wait(for app: StreamsApplication) throws {
        let lag = try ApplicationLag(cluster, applicationID: Self.applicationID, inputs: workload.inputs)
        while app.state == .rebalancing || app.state == .running {
            if try lag.isZero() { return }
            Thread.sleep(forTimeInterval: 0.01)
        }
    }
}
