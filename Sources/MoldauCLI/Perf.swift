import ArgumentParser

/// `moldau perf`: how fast records come and go.
struct Perf: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures producing and consuming.", subcommands: [PerfProduce.self, PerfConsume.self])
}
