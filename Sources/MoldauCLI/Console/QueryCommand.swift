import ArgumentParser
import Foundation

/// `moldau query`: reads rows of an application's store.
struct QueryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Prints what a store of a running application has for a key, or its entries.",
        discussion: """
            Asks the application's console. Keys are text, or JSON where the store's keys are JSON. A store of windows or \
            sessions answers with those of the key. Without a key all entries are printed, up to --limit.
            """)

    @Argument(help: "The store's name.")
    var store: String

    @Argument(help: "The key.")
    var key: String?

    @Option(help: "Without a key: only keys whose bytes begin with those of this text.")
    var prefix: String?

    @Option(help: "Without a key: the first key to print. For windows: from this time on, in milliseconds.")
    var from: String?

    @Option(help: "Without a key: the last key to print. For windows: up to this time, in milliseconds.")
    var to: String?

    @Flag(help: "Print the last entries first.")
    var reverse = false

    @Option(help: "How many entries at most.")
    var limit = 100

    @Option(help: "Which values are seen: committed or newest.")
    var view: String?

    @Flag(help: "Let a store answer that is still being restored, and standby copies.")
    var stale = false

    @OptionGroup var console: ConsolePlace
    @OptionGroup var form: OutputForm

    func validate() throws {
        if limit < 1 { throw ValidationError("--limit is at least 1") }
        if key != nil, prefix != nil { throw ValidationError("give a key or --prefix, not both") }
        if prefix != nil, reverse || from != nil || to != nil {
            throw ValidationError("--prefix goes with none of --from, --to and --reverse")
        }
    }

    func run() async throws {
        let client = try console.client()
        let found: ConsoleStore = try await client.get(["stores", store])
        switch (found.kind, key) {
        case ("window", _): try await list(client, "windows", isWindowed: true)
        case ("session", _): try await list(client, "sessions", isWindowed: true)
        case (_, nil): try await list(client, prefix == nil ? "range" : "prefix", isWindowed: false)
        case (_, let key?): try await get(client, key)
        }
    }

    private var options: [(String, String?)] { [("view", view), ("stale", stale ? "true" : nil)] }

    private func get(_ client: ConsoleClient, _ key: String) async throws {
        let row: ConsoleRow = try await client.get(["stores", store, "get"], [("key", key)] + options)
        guard row.found else {
            throw CommandFailure(
                "'\(store)' has no value for the key \(key.printable); 'moldau explain \(store) KEY' looks for the reason"
            )
        }
        var table = Table("KEY", "VALUE", "TIMESTAMP")
        table.add(.value(row.key, form), .value(row.value, form), .number(row.timestamp))
        try form.write(table)
    }

    private func list(_ client: ConsoleClient, _ path: String, isWindowed: Bool) async throws {
        var table = isWindowed ? Table("KEY", "START", "END", "VALUE") : Table("KEY", "VALUE", "TIMESTAMP")
        var place: String?
        var left = limit
        repeat {
            let page: ConsolePage = try await client.get(
                ["stores", store, path],
                [
                    ("key", key), ("prefix", prefix), ("from", from), ("to", to), ("reverse", reverse ? "true" : nil),
                    ("limit", "\(min(left, 1_000))"), ("after", place),
                ] + options)
            for entry in page.entries {
                let (key, value) = (Table.Cell.value(entry.key, form), Table.Cell.value(entry.value, form))
                if isWindowed {
                    table.add(key, .number(entry.start), .number(entry.end), value)
                } else {
                    table.add(key, value, .number(entry.timestamp))
                }
            }
            left -= page.entries.count
            place = page.next
        } while place != nil && left > 0
        try form.write(table)
        if place != nil { LineOutput.tell("there are more entries: --limit is \(limit)") }
    }
}

extension Table.Cell {
    static func number(_ number: Int64?) -> Self { number.map { .number($0) } ?? .missing }

    /// A value of the console.
    static func value(_ value: ConsoleValue?, _ form: OutputForm) -> Self {
        guard let value, value != .null else { return .missing }
        return form.isJSON ? .json(value) : .text(value.text)
    }
}
