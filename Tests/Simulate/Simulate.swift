import ArgumentParser
import MoldauTesting

@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs an application, its broker and its disk through faults, one run per seed.")

    @Option(help: "How many seeds to run.") var seeds: UInt64 = 1_000
    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "A mistake to make, or 'all': runs until it is found.") var plant: String?
    @Flag(help: "Says what happened in each run.") var trace = false

    func run() throws {
        var failed = 0
        let clock = ContinuousClock()
        let start = clock.now
        for seed in from..<(from + seeds) {
            let result = try Simulation.run(seed: seed, keepsTrace: trace)
            if trace { print(result.trace.joined(separator: "\n")) }
            guard !result.violations.isEmpty else { continue }
            failed += 1
            print("seed \(seed): \(result.scenario)")
            for violation in result.violations.prefix(5) { print("    \(violation)") }
        }
        let seconds = (clock.now - start) / .seconds(1)
        print("\(seeds) seeds, \(failed) with violations, \(Int(Double(seeds) / seconds)) seeds/s")
    }
}
