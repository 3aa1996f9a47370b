import ArgumentParser
import Foundation
import MoldauCluster
import MoldauRecords

/// `moldau lag`: how far groups lag behind, and whether they keep up.
struct LagCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lag", abstract: "Judges how far groups are behind: ok, warning, stop, stall or rewind.",
        discussion: """
            One lag alone says nothing: a judgement needs at least \(LagWindow.fewestSamples) samples, and looks at the \
            last \(LagWindow.length). Ask for them with --samples or --watch. The samples should be further apart than \
            the group's commits (auto.commit.interval.ms, commit.interval.ms).
            """)

    @OptionGroup var place: ClusterPlace

    @Option(name: .customLong("group"), help: "A group. May be repeated; without it, all groups.")
    var named: [String] = []

    @Option(help: "How many samples to take before the answer.")
    var samples = 1

    @Option(help: "The seconds between two samples.")
    var interval = 10.0

    @Flag(help: "Print after each sample, until Control-C.")
    var watch = false

    @OptionGroup var form: OutputForm

    func validate() throws {
        if samples < 1 { throw ValidationError("--samples is at least 1") }
        guard (0.01...86_400).contains(interval) else {
            throw ValidationError("--interval takes seconds from 0.01 to 86400")
        }
    }

    func run() throws {
        try place.withCluster { cluster in
            let admin = try cluster.makeAdmin()
            defer { admin.close() }
            var monitor = LagMonitor()
            let start = ContinuousClock.now
            var count = 0
            while watch || count < samples {
                if count > 0 { Thread.sleep(forTimeInterval: interval) }
                monitor.add(try sample(admin), at: ContinuousClock.now - start)
                count += 1
                if watch || count == samples { try write(monitor.report) }
            }
        }
    }

    /// - Throws: `CommandFailure` for a group that does not exist.
    private func sample(_ admin: any Admin) throws -> [GroupProgress] {
        let wanted = named.isEmpty ? nil : Set(named)
        let found = try admin.progress(of: wanted)
        guard let missing = wanted?.subtracting(found.map(\.group)).min() else { return found }
        throw CommandFailure.noGroup(missing, others: try admin.progress(of: nil).map(\.group))
    }

    private func write(_ report: LagReport) throws {
        let output = LineOutput()
        if form.isJSON {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            try output.write(try encoder.encode(report.groups))
            return try output.flush()
        }
        var table = Table("GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "JUDGEMENT", "WHY")
        for group in report.groups {
            for partition in group.partitions {
                table.add(
                    .text(group.group), .text(partition.topic), .number(Int64(partition.partition.number)),
                    .offset(partition.committed), .offset(partition.end), .number(partition.lag),
                    partition.judgement.map { .text($0.rawValue) } ?? .missing, .text(partition.reason))
            }
        }
        try form.write(table)
        if watch { try output.write("") }
        try output.flush()
    }
}
