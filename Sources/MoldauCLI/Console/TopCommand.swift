import ArgumentParser
import Foundation

/// `moldau top`: a live view of an application.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Shows what a running application does, once a second, until Control-C.",
        discussion: """
            Asks the application's console. Shows the rates of nodes, tasks with their lag and what they wait for, \
            restores, and what keeps records from becoming output. If output is not a terminal, one view follows \
            another.
            """)

    @Option(help: "End after this many views.")
    var views: Int?

    @OptionGroup var console: ConsolePlace

    func run() async throws {
        let client = try console.client()
        let output = LineOutput()
        let isTerminal = isatty(STDOUT_FILENO) == 1
        var last: ConsoleUpdate?
        var left = views ?? .max
        if left <= 0 { return }
        while true {
            do {
                try await client.events(["updates"]) { name, data in
                    guard name == "update" else { return true }
                    let update: ConsoleUpdate = try ConsoleClient.decoded(data)
                    defer { last = update }
                    // A rate needs two samples.
                    guard let last else { return true }
                    let status: ConsoleStatus = try await client.get(["status"])
                    try show(TopView(update, after: last, status), isTerminal, output)
                    left -= 1
                    return left > 0
                }
                if left <= 0 { return }
                LineOutput.tell("the application has ended, or restarts; waiting for it")
            } catch let failure as CommandFailure where last != nil {
                LineOutput.tell("\(failure)")
            }
            last = nil
            try await Task.sleep(for: .seconds(1))
            // Ends the command with an error if the console is still unreachable.
            let _: ConsoleStatus = try await client.get(["status"])
        }
    }

    private func show(_ view: TopView, _ isTerminal: Bool, _ output: LineOutput) throws {
        guard isTerminal else {
            for line in view.lines + [""] { try output.write(line) }
            return try output.flush()
        }
        // Draws from the top left corner; clears what was to the right of each line and below the last one.
        let size = Self.terminalSize
        let lines = view.lines.prefix(size.rows - 1).map { $0.prefix(size.columns) + "\u{1b}[K" }
        try output.write("\u{1b}[H" + lines.joined(separator: "\n") + "\u{1b}[J")
        try output.flush()
    }

    private static var terminalSize: (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 3, size.ws_col > 10 else {
            return (24, 80)
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }
}

/// One view of `moldau top`.
struct TopView {
    let update: ConsoleUpdate
    let last: ConsoleUpdate
    let status: ConsoleStatus

    init(_ update: ConsoleUpdate, after last: ConsoleUpdate, _ status: ConsoleStatus) {
        (self.update, self.last, self.status) = (update, last, status)
    }

    var lines: [String] {
        [header, ""] + reasons + table(nodes) + [""] + table(tasks) + restores
    }

    /// The rate per second of a counter that grew from `before` to `now`.
    private func rate(_ now: Int64, _ before: Int64) -> String {
        let seconds = Double(max(1, update.now - last.now)) / 1_000
        // Counters start again at 0 after a restart.
        return Self.short(Double(max(0, now - before)) / seconds)
    }

    private var header: String {
        var parts = [
            "\(status.application) is \(update.state)\(update.isPaused ? " (paused)" : "")",
            "\(rate(update.processed, last.processed)) records/s", "\(rate(update.commits, last.commits)) commits/s",
            "\(Self.short(Double(update.lag))) behind",
        ]
        if let memory = update.memory {
            let budget = memory.budgetBytes.map { " of \($0 >> 20)" } ?? ""
            parts.append("\(memory.usedBytes >> 20)\(budget) MiB")
        }
        return parts.joined(separator: "  ·  ")
    }

    private var reasons: [String] {
        update.reasons.isEmpty ? [] : update.reasons.map { "! \($0.sentence.printable)" } + [""]
    }

    private var nodes: Table {
        var table = Table("NODE", "IN", "IN/S", "OUT/S", "DROPPED")
        let before = Dictionary(last.nodes.map { ($0.name, $0) }) { $1 }
        for node in update.nodes {
            let old = before[node.name]
            table.add(
                .text(node.name), .number(node.in), .text(rate(node.in, old?.in ?? node.in)),
                .text(rate(node.out, old?.out ?? node.out)), node.drops == 0 ? .text("") : .number(node.drops))
        }
        return table
    }

    private var tasks: Table {
        var table = Table("TASK", "THREAD", "BEHIND", "WAITS-FOR")
        for task in status.tasks {
            let lags = task.partitions.compactMap(\.lag)
            let waits = (task.waitsFor ?? []).map { "\($0.topic)-\($0.partition)" }
            table.add(
                .text(task.id), task.thread.map { .text($0) } ?? .missing,
                .number(lags.isEmpty ? nil : lags.reduce(0, +)), .text(waits.joined(separator: ", ")))
        }
        return table
    }

    private var restores: [String] {
        if status.restores.isEmpty { return [] }
        var table = Table("RESTORES", "PARTITION", "LEFT", "KIND")
        for restore in status.restores {
            table.add(
                .text(restore.store), .number(Int64(restore.partition)), .number(restore.remaining),
                .text(restore.isStandby ? "standby copy" : "task"))
        }
        return [""] + self.table(table)
    }

    private func table(_ table: Table) -> [String] { table.rows.isEmpty ? [] : table.lines }

    /// `950`, `4.3 k`, `1.2 M`.
    static func short(_ number: Double) -> String {
        switch number {
        case ..<10 where number != number.rounded(): String(format: "%.1f", number)
        case ..<1_000: String(format: "%.0f", number)
        case ..<1_000_000: String(format: "%.1f k", number / 1_000)
        default: String(format: "%.1f M", number / 1_000_000)
        }
    }
}
