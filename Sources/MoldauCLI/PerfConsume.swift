import ArgumentParser
import Foundation
import MoldauClient
import MoldauRecords

/// `moldau perf consume`.
struct PerfConsume: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "consume", abstract: "Reads records, and says how fast, in the format of Kafka's tool.")

    @OptionGroup var place: ClusterPlace

    @Option(help: "The topic.")
    var topic: String

    @Option(help: "How many records; more may come with the last fetch.")
    var numRecords: Int

    @Option(help: "Read as a member of this group; without it all partitions are read, and nothing is committed.")
    var group: String?

    @Flag(help: "Without a committed offset, begin at the end instead of the first record.")
    var fromLatest = false

    @Option(help: "End with an error after this many milliseconds without a record.")
    var timeout = 10_000

    @Option(help: "Milliseconds between lines of --show-detailed-stats.")
    var reportingInterval = 5_000

    @Flag(help: "Print a line from time to time, not only at the end.")
    var showDetailedStats = false

    @Flag(help: "Do not print column titles.")
    var hideHeader = false

    @Flag(help: "Read the records as typed values, instead of views of whole batches.")
    var each = false

    @OptionGroup var form: OutputForm

    func validate() throws {
        if numRecords < 1 { throw ValidationError("--num-records is at least 1") }
        if timeout < 1 { throw ValidationError("--timeout is at least 1") }
        if reportingInterval < 1 { throw ValidationError("--reporting-interval is at least 1") }
    }

    func run() throws {
        try place.withClient { [self] settings in
            let (settings, command) = (settings, self)
            try waiting {
                let admin = try AdminClient(cluster: settings.client, options: settings.admin)
                let found: AdminClient.TopicDescription?
                do {
                    found = try await admin.describeTopics([command.topic]).all()[command.topic]
                } catch {
                    await admin.close()
                    throw error
                }
                await admin.close()
                let partitions = found?.partitions.map { TopicPartition(command.topic, $0.partition.number) } ?? []
                try await command.consume(Set(partitions), settings)
            }
        }
    }

    private func consume(_ partitions: Set<TopicPartition>, _ settings: ClientSettings.Read) async throws {
        var options = settings.consumer
        options.group = group
        options.offsetReset = fromLatest ? .latest : .earliest
        let names = Topic<[UInt8]?, [UInt8]?>(topic)
        let consumer =
            group == nil
            ? try Consumer([names], assigned: partitions, cluster: settings.client, options: options)
            : try Consumer([names], cluster: settings.client, options: options)
        do {
            try await read(consumer)
        } catch {
            await consumer.close()
            throw error
        }
        await consumer.close()
    }

    /// The records read since a point in time.
    private struct Progress {
        let date = Date()
        let times = ProcessTimes.now
        var records = 0
        var bytes = 0
    }

    private func read(_ consumer: Consumer<[UInt8]?, [UInt8]?>) async throws {
        let output = LineOutput()
        if !hideHeader, !form.isJSON {
            try output.write(
                "start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec")
        }
        var (all, recent) = (Progress(), Progress())
        var idleSince = ContinuousClock.now
        while all.records < numRecords {
            let (records, bytes) = try await poll(consumer)
            all.records += records
            all.bytes += bytes
            recent.records += records
            recent.bytes += bytes
            if records > 0 { idleSince = .now }
            guard ContinuousClock.now - idleSince < .milliseconds(timeout) else {
                throw CommandFailure(
                    "no record came for \(timeout) ms (--timeout); \(all.records) of \(numRecords) were read")
            }
            let passed = ProcessTimes.now.since(recent.times).wall * 1_000
            if showDetailedStats, !form.isJSON, passed >= Double(reportingInterval) {
                try output.write(line(recent))
                try output.flush()
                recent = Progress()
            }
        }
        if form.isJSON { try output.write(json: object(all)) } else { try output.write(line(all)) }
        try output.flush()
    }

    private func poll(_ consumer: Consumer<[UInt8]?, [UInt8]?>) async throws -> (records: Int, bytes: Int) {
        var (records, bytes) = (0, 0)
        let wait = Duration.milliseconds(min(timeout, 1_000))
        if each {
            for record in try await consumer.poll(within: wait) {
                records += 1
                bytes += (record.key?.count ?? 0) + (record.value?.count ?? 0)
            }
        } else if let batch = try await consumer.pollBatch(within: wait) {
            try batch.forEach { record in
                records += 1
                bytes += (record.key?.count ?? 0) + (record.value?.count ?? 0)
            }
        }
        return (records, bytes)
    }

    private func line(_ progress: Progress) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "yyyy-MM-dd HH:mm:ss:SSS"
        let seconds = ProcessTimes.now.since(progress.times).wall
        let megabytes = Double(progress.bytes) / Double(1 << 20)
        let numbers = [
            String(format: "%.4f", megabytes), String(format: "%.4f", megabytes / seconds), "\(progress.records)",
            String(format: "%.4f", Double(progress.records) / seconds),
        ]
        return ([formatter.string(from: progress.date), formatter.string(from: Date())] + numbers)
            .joined(separator: ", ")
    }

    private func object(_ progress: Progress) -> [String: Any] {
        let times = ProcessTimes.now.since(progress.times)
        return [
            "records": progress.records, "bytes": progress.bytes, "seconds": times.wall, "cpuSeconds": times.cpu,
            "recordsPerSecond": Double(progress.records) / times.wall,
            "megabytesPerSecond": Double(progress.bytes) / Double(1 << 20) / times.wall,
        ]
    }
}
