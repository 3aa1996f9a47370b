import Testing

@testable import MoldauServer

@Suite struct FairQueueTests {
    @Test func `a connection with many waiting requests does not starve others`() {
        var queue = FairQueue<String>()
        for name in ["a1", "a2", "a3", "b1", "c1", "c2"] { queue.append(name, of: String(name.prefix(1))) }
        var taken: [String] = []
        while let next = queue.next() { taken.append(next) }
        #expect(taken == ["a1", "b1", "c1", "a2", "c2", "a3"])
        queue.append("a4", of: "a")
        #expect(queue.next() == "a4" && queue.next() == nil)
    }
}
