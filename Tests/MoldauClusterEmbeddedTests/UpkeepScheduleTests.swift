import MoldauClusterEmbedded
import MoldauLog
import Testing

struct UpkeepScheduleTests {
    @Test func `every acknowledged record is synced within the interval`() throws {
        var schedule = try #require(UpkeepSchedule.syncs(for: .interval(.milliseconds(100))))
        var (now, lastSync, worst) = (0, 0, 0)
        for pause in [1, 49, 50, 3, 46, 1, 7, 43, 20, 20, 20, 200, 50] {
            now += pause
            let isDue = !schedule.due(after: .milliseconds(pause)).isEmpty
            // Except for the pause of 200 ms, which syncs, the schedule is checked at least as often as required.
            if isDue { (worst, lastSync) = (pause < 100 ? max(worst, now - lastSync) : worst, now) }
        }
        #expect(worst <= 100 && worst >= 50)
        #expect(schedule.pause == .milliseconds(50))
    }

    @Test func `other durabilities need no syncs`() {
        #expect(UpkeepSchedule.syncs(for: .sync) == nil && UpkeepSchedule.syncs(for: .os) == nil)
    }

    @Test func `each job runs at its own interval`() {
        var schedule = UpkeepSchedule.housekeeping
        var counts: [UpkeepSchedule.Job: Int] = [:]
        for _ in 0..<60 { for job in schedule.due(after: schedule.pause) { counts[job, default: 0] += 1 } }
        #expect(counts == [.abortExpired: 60, .compact: 30, .applyRetention: 2])
    }
}
