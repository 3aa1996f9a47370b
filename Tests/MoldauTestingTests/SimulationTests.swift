import MoldauTesting
import Testing

struct SimulationTests {
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `nothing is lost, doubled or changed by faults`(seed: UInt64) throws {
        #expect(try Simulation.run(seed: seed).violations == [])
    }
}
