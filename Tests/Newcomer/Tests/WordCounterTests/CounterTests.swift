import Moldau
import MoldauTesting
import Testing

@testable import WordCounter

struct CounterTests {
    @Test func `equal words count together`() throws {
        let driver = try TopologyTestDriver(Counter.topology())
        try driver.pipe(Counter.lines, key: nil, value: "To be or not to be")
        let counts = try driver.read(from: Counter.counts)
        #expect(counts.map(\.key) == ["to", "be", "or", "not", "to", "be"])
        #expect(counts.map(\.value) == [1, 1, 1, 1, 2, 2])
    }

    @Test func `the store holds the sums`() throws {
        let driver = try TopologyTestDriver(Counter.topology())
        try driver.pipe(Counter.lines, key: nil, value: "to be")
        try driver.pipe(Counter.lines, key: "hamlet", value: "to")
        let store = try driver.store(TableStoreName<String, Int64>("word-counts"))
        #expect(try store.get("to")?.value == 2)
    }

    @Test func `an empty line counts nothing, and nothing is dropped`() throws {
        let driver = try TopologyTestDriver(Counter.topology())
        try driver.pipe(Counter.lines, key: nil, value: " ")
        #expect(try driver.read(from: Counter.counts).isEmpty)
        #expect(driver.drops.isEmpty)
    }
}
