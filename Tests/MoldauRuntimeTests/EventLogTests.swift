import MoldauRecords
import Testing

@testable import MoldauRuntime

/// What is kept of the events of an application.
struct EventLogTests {
    @Test func `the latest events are kept, and commits are summed per second`() {
        let log = EventLog()
        for second in 0..<1_000 as Range<Int64> {
            log.note(.state, "\(second)", at: Timestamp(ms: second * 1_000 + 5))
            for _ in 0..<10 { log.noteCommits(2, at: Timestamp(ms: second * 1_000 + 7)) }
        }
        let events = log.events
        #expect(events.count == EventLog.limit)
        #expect(events.map(\.time) == events.map(\.time).sorted())
        let commits = events.filter { $0.kind == .commit }
        #expect(commits.count == 120 && commits.allSatisfy { $0.text == "20 commits" })
        #expect(events.last == ApplicationEvent(time: Timestamp(ms: 999_005), kind: .state, text: "999"))
    }
}
