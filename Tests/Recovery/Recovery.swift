import ArgumentParser

/// `recovery`: measures how long stores of a given size take to come back. Benchmark, and load for the tools that kill
/// it.
@main
struct Recovery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery", abstract: "Measures how stores come back after their loss, or after a kill.",
        subcommands: [Restore.self, Load.self])
}
