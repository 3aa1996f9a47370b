import ArgumentParser

/// `recovery`: measures how long stores of a given size take to be restored. Benchmark, and load for the tools that
/// kill it.
@main
struct Recovery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery", abstract: "Measures how stores are restored after their loss, or after a kill.",
        subcommands: [Restore.self, Load.self])
}
