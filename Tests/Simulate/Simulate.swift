import ArgumentParser
import Foundation
import MoldauSimulation

@main
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs an application, its broker and its disk through faults, one run per seed.",
        discussion: """
            A run is a function of its seed: a failure can be repeated. --trace prints what happened; --hashes allows to compare \
            two processes. With --plant a known mistake is made, and seeds run until it is found.
            """)

    @Option(help: "How many seeds to run.") var seeds: UInt64 = 1_000
    @Option(help: "The first seed.") var from: UInt64 = 1
    @Option(help: "A mistake to make, or 'all' of them in turn.") var plant: String?
    @Option(help: "How many runs at a time.") var jobs = ProcessInfo.processInfo.activeProcessorCount
    @Flag(help: "Says what happened in the runs with violations.") var trace = false
    @Flag(help: "Prints the hash of each run.") var hashes = false
    @Flag(help: "Puts state into RocksDB and files into the operating system's in every run, not in a part of them.")
    var real = false
    @Option(
        help: "Faults and workloads to leave out, separated by commas: to find out which of them a failure needs."
    )
    var without = ""

    private var leftOut: Set<String> { Set(without.split(separator: ",").map(String.init)) }

    private var range: Range<UInt64> { from..<(from + seeds) }

    func validate() throws {
        if jobs < 1 { throw ValidationError("There has to be one job at least.") }
        if plant != nil, !PlantedMistake.areInBuild {
            throw ValidationError(
                "This build makes no mistakes on purpose. Build it with MOLDAU_SABOTAGE=1 in the environment, as `make simulate PLANT=…` does."
            )
        }
        guard let plant, plant != "all", PlantedMistake(rawValue: plant) == nil else { return }
        let known = PlantedMistake.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("'\(plant)' is no known mistake; there are: \(known)")
    }

    func run() async throws {
        guard let plant else { return try await runSeeds() }
        let mistakes = PlantedMistake(rawValue: plant).map { [$0] } ?? PlantedMistake.allCases
        var found = 0
        for mistake in mistakes where try await find(mistake) { found += 1 }
        print("\(found) of \(mistakes.count) mistakes found")
        if found < mistakes.count { throw ExitCode.failure }
    }

    private func runSeeds() async throws {
        var failures = 0
        let start = ContinuousClock.now
        try await forEachResult { result in
            if hashes { print("\(result.seed) \(result.hash)") }
            if result.violations.isEmpty { return true }
            failures += 1
            try show(result)
            return true
        }
        let rate = Double(seeds) / ((ContinuousClock.now - start) / .seconds(1))
        print("\(seeds) seeds, \(failures) with violations, \(Int(rate)) seeds/s")
        if failures > 0 { throw ExitCode.failure }
    }

    private func show(_ result: SimulationResult) throws {
        print("seed \(result.seed): \(result.scenario)")
        for violation in result.violations.prefix(5) { print("    \(violation)") }
        guard trace else { return }
        for line in try Simulation.run(seed: result.seed, keepsTrace: true, isReal: real, without: leftOut).trace {
            print("        \(line)")
        }
    }

    /// - Returns: whether a seed shows the mistake.
    private func find(_ mistake: PlantedMistake) async throws -> Bool {
        var isFound = false
        try await forEachResult(mistake) { result in
            guard let violation = result.violations.first else { return true }
            // A violation that also occurs without the mistake does not count.
            guard try Simulation.run(seed: result.seed, isReal: real, without: leftOut).violations.isEmpty else {
                return true
            }
            print("\(mistake): found with seed \(result.seed): \(violation)")
            isFound = true
            return false
        }
        if !isFound { print("\(mistake): NOT FOUND with \(seeds) seeds") }
        return isFound
    }

    /// Runs the seeds, several at a time: the runs are independent.
    /// - Parameter goesOn: called with the results in the order of the seeds, until it returns false.
    private func forEachResult(
        _ mistake: PlantedMistake? = nil, _ goesOn: (SimulationResult) throws -> Bool
    ) async throws {
        try await withThrowingTaskGroup(of: SimulationResult.self) { group in
            var (left, next) = (range[...], range.lowerBound)
            var early: [UInt64: SimulationResult] = [:]
            func start() {
                guard let seed = left.popFirst() else { return }
                group.addTask { [real, leftOut] in
                    try Simulation.run(seed: seed, mistake: mistake, isReal: real, without: leftOut)
                }
            }
            for _ in 0..<jobs { start() }
            while let result = try await group.next() {
                early[result.seed] = result
                while let result = early.removeValue(forKey: next) {
                    next += 1
                    // Makes the printed text visible at once.
                    defer { fflush(nil) }
                    guard try goesOn(result) else { return }
                }
                start()
            }
        }
    }
}
