import Testing

@testable import MoldauServer

@Suite struct AnswerSlotsTests {
    @Test(arguments: [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1], [2, 0, 1], [1, 2, 0]])
    func `answers are sent in the order of the requests, whatever order they complete in`(order: [Int]) {
        var slots = AnswerSlots<Int>()
        let numbers = (0..<3).map { _ in slots.begin() }
        var left: [Int] = []
        for place in order { slots.complete(numbers[place], place) { left.append($0) } }
        #expect(left == [0, 1, 2])
        #expect(slots.count == 0)
    }

    @Test func `an answer is sent as soon as all before it are`() {
        var slots = AnswerSlots<String>()
        let (first, second, third) = (slots.begin(), slots.begin(), slots.begin())
        var left: [String] = []
        slots.complete(second, "second") { left.append($0) }
        #expect(left.isEmpty)
        slots.complete(first, "first") { left.append($0) }
        #expect(left == ["first", "second"])
        #expect(slots.isOpen(third) && !slots.isOpen(first))
        slots.complete(third, "third") { left.append($0) }
        #expect(left == ["first", "second", "third"])
    }

    @Test func `slot numbers continue after answers were sent`() {
        var slots = AnswerSlots<Int>()
        var left: [Int] = []
        for number in 0..<100 {
            let slot = slots.begin()
            slots.complete(slot, number) { left.append($0) }
        }
        #expect(left == Array(0..<100))
    }
}
