import ArgumentParser
import Foundation

/// `moldau watch`: the committed changes of an application's table, or of its windows or sessions.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Prints the committed changes of a table of a running application as they come.",
        discussion: """
            Asks the application's console. A line has the key, a tab and the value, or nothing for a row that was \
            deleted; for windows and sessions, start and end come in between, in milliseconds since 1970. With --json \
            it is an object. If changes come faster than they are printed, some are left out, and standard error says how \
            many.
            """)

    @Argument(help: "The name of the table, or of the store of windows or sessions.")
    var store: String

    @Flag(help: "Print what the store has now first.")
    var snapshot = false

    @Option(help: "End after this many changes.")
    var maxChanges: Int?

    @Flag(name: .customLong("json"), help: "Print one JSON object per line.")
    var isJSON = false

    @OptionGroup var console: ConsolePlace

    func run() async throws {
        let client = try console.client()
        let output = LineOutput()
        var left = maxChanges ?? .max
        if left <= 0 { return }
        try await client.events(
            ["stores", store, "changes"], [("from", snapshot ? "snapshot" : "now")]
        ) { name, data in
            switch name {
            case "change":
                try write(try ConsoleClient.decoded(data), to: output)
                left -= 1
            case "dropped":
                let gap: ConsoleGap = try ConsoleClient.decoded(data)
                LineOutput.tell("\(gap.count) changes were left out, as they came too fast")
            default: break
            }
            return left > 0
        }
    }

    private func write(_ change: ConsoleChange, to output: LineOutput) throws {
        if isJSON {
            var object: [String: Any] = [
                "key": change.key.json, "value": change.value.map(\.json).json, "timestamp": change.timestamp.json,
                "partition": change.partition.json, "offset": change.offset.json,
            ]
            object["start"] = change.start
            object["end"] = change.end
            try output.write(json: object)
        } else {
            let value = change.value.map { $0 == .null ? "" : $0.text } ?? ""
            let window = [change.start, change.end].compactMap { $0 }.map { "\($0)" }
            try output.write(([change.key.text] + window + [value]).joined(separator: "\t"))
        }
        try output.flush()
    }
}
