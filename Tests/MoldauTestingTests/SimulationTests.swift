import MoldauTesting
import ProgramSupport
import Testing

/// The short form: `make simulate` runs as many seeds as there is time for, and looks for every planted mistake.
struct SimulationTests {
    @Test(arguments: 1...16 as ClosedRange<UInt64>)
    func `faults lose, double and change nothing`(seed: UInt64) throws {
        let result = try Simulation.run(seed: seed)
        #expect(result.violations == [], "\(result.scenario)")
        #expect(result.recordCount > 0 && result.diskOperations > 100)
    }

    @Test func `a seed does the same each time, and in another process`() throws {
        let hashes = try (3...5).map { try Simulation.run(seed: $0).hash }
        #expect(try (3...5).map { try Simulation.run(seed: $0, keepsTrace: true).hash } == hashes)
        let outcome = try BuiltProgram("simulate").run(["--from", "3", "--seeds", "3", "--hashes"])
        let expected = zip(3..., hashes).map { "\($0) \($1)" }
        #expect(outcome.output.split(separator: "\n").prefix(3).map(String.init) == expected)
    }

    @Test(arguments: [
        PlantedMistake.directorySyncSkipped, .syncSkipped, .groupSyncOfOneFile,
        .offsetsCommittedBeforeTransaction, .batchesWithoutSequence, .committedOffsetTooHigh, .abortedReadable,
        .markerLost, .storeFlushKeepsOffsetOnly,
    ])
    func `a mistake is found`(mistake: PlantedMistake) throws {
        let found = try (1...10).first { seed in
            try !Simulation.run(seed: seed, mistake: mistake).violations.isEmpty
        }
        #expect(found != nil)
    }

    /// Each with a seed that shows it: most have threads that come and go, or copies of stores.
    @Test(arguments: [
        (PlantedMistake.changelogOffsetTooHigh, 24 as UInt64), (.taskHandedOverBeforeCommit, 24),
        (.copyTakenWithoutTail, 10),
    ])
    func `a mistake that few seeds show is found`(mistake: PlantedMistake, seed: UInt64) throws {
        #expect(try Simulation.run(seed: seed).violations == [])
        #expect(try !Simulation.run(seed: seed, mistake: mistake).violations.isEmpty)
    }
}
