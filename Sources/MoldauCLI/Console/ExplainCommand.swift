import ArgumentParser

/// `moldau explain`: why an application has no output, or a store no value for a key.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says why a running application has no output, or less than expected, and what to do.",
        discussion: "Asks the application's console. With a store and a key: why the store has no value for it.")

    @Argument(help: "A store's name, with a key.")
    var store: String?

    @Argument(help: "The key that has no value.")
    var key: String?

    @OptionGroup var console: ConsolePlace

    @Flag(name: .customLong("json"), help: "Print the console's answer as JSON.")
    var isJSON = false

    func validate() throws {
        if store != nil, key == nil { throw ValidationError("give the key as well: explain STORE KEY") }
    }

    func run() async throws {
        let client = try console.client()
        let query = [("store", store), ("key", key)]
        let output = LineOutput()
        if isJSON {
            let answer: ConsoleValue = try await client.get(["explain"], query)
            try output.write(json: answer.json)
        } else {
            let explanation: ConsoleExplanation = try await client.get(["explain"], query)
            for line in explanation.lines { try output.write(line) }
        }
        try output.flush()
    }
}

extension ConsoleExplanation {
    /// Text for people.
    var lines: [String] {
        let first =
            if let store, let key {
                "'\(store)' has \(hasValue == true ? "a value" : "no value") for the key \(key.printable)."
            } else {
                "\(application ?? "the application") is \(state ?? "there")."
            }
        let why = reasons.map { "- \($0.sentence.printable)" + ($0.page.map { " (\($0))" } ?? "") }
        let isFine = reasons.isEmpty && store == nil
        var lines = [first] + (isFine ? ["Nothing holds it back: what it read went through."] : why)
        guard let nodes else { return lines }
        lines.append("Records by node:")
        for node in nodes {
            lines.append("  \(node.name) (\(node.operation)): \(node.recordsIn) in, \(node.recordsOut) out")
            lines += node.drops.map { "    dropped \($0.count) (\($0.reason))" }
        }
        return lines
    }
}
