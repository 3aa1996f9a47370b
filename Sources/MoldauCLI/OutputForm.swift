import ArgumentParser

/// The `--json` option.
struct OutputForm: ParsableArguments {
    @Flag(name: .customLong("json"), help: "Print JSON, a list of objects on one line, instead of a table.")
    var isJSON = false

    func write(_ table: Table) throws {
        let output = LineOutput()
        try table.write(asJSON: isJSON, to: output)
        try output.flush()
    }
}
