import ArgumentParser
import MoldauTesting

@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs an application, its broker and its disk through faults, one run per seed.",
        discussion: """
            A run is a function of its seed: what failed once fails again. With --trace it says what happened, with --hashes one can \
            compare two processes. With --plant a known mistake is made, and seeds run until it is found.
            """)

    @Option(help: "How many seeds to run.") var seeds: UInt64 = 1_000
    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "A mistake to make, or 'all' of them in turn.") var plant: String?
    @Flag(help: "Says what happened in the runs with violations.") var trace = false
    @Flag(help: "Prints the hash of each run.") var hashes = false

    private var range: Range<UInt64> { from..<(from + seeds) }

    func validate() throws {
        guard let plant, plant != "all", PlantedMistake(rawValue: plant) == nil else { return }
        let known = PlantedMistake.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("'\(plant)' is no known mistake; there are: \(known)")
    }

    func run() throws {
        guard let plant else { return try runSeeds() }
        let mistakes = PlantedMistake(rawValue: plant).map { [$0] } ?? PlantedMistake.allCases
        let missed = try mistakes.filter { try !find($0) }
        print("\(mistakes.count - missed.count) of \(mistakes.count) mistakes found")
        if !missed.isEmpty { throw ExitCode.failure }
    }

    private func runSeeds() throws {
        var failures = 0
        let start = ContinuousClock.now
        for seed in range {
            let result = try Simulation.run(seed: seed)
            if hashes { print("\(seed) \(result.hash)") }
            guard !result.violations.isEmpty else { continue }
            failures += 1
            try show(result)
        }
        let rate = Double(seeds) / ((ContinuousClock.now - start) / .seconds(1))
        print("\(seeds) seeds, \(failures) with violations, \(Int(rate)) seeds/s")
        if failures > 0 { throw ExitCode.failure }
    }

    private func show(_ result: SimulationResult) throws {
        print("seed \(result.seed): \(result.scenario)")
        for violation in result.violations.prefix(5) { print("    \(violation)") }
        guard trace else { return }
        for line in try Simulation.run(seed: result.seed, keepsTrace: true).trace { print("        \(line)") }
    }

    /// - Returns: whether a seed shows the mistake.
    private func find(_ mistake: PlantedMistake) throws -> Bool {
        for seed in range {
            let result = try Simulation.run(seed: seed, mistake: mistake)
            guard let violation = result.violations.first else { continue }
            print("\(mistake): found with seed \(seed): \(violation)")
            return true
        }
        print("\(mistake): NOT FOUND with \(seeds) seeds")
        return false
    }
}
