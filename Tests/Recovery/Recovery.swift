import ArgumentParser

/// `recovery`: how long a store of some size needs to come back. Bench and load for the tools that kill.
@main
struct Recovery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery", abstract: "Measures how stores come back after their loss, or after a kill.",
        subcommands: [Restore.self, Load.self])
}
