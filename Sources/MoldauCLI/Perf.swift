import ArgumentParser

/// `moldau perf`: measures the throughput of producing and consuming.
struct Perf: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures producing and consuming.", subcommands: [PerfProduce.self, PerfConsume.self])
}
