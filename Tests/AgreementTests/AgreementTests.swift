import Foundation
import Testing

/// Random topologies, run in many ways that must agree. `make agree SEEDS=1000` tries more of them, starting with
/// `FROM`.
struct AgreementTests {
    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    @Test func `runs with different stores, emissions, partitions, threads, drivers and restarts agree`() {
        let first = Self.number("AGREE_FROM") ?? 1
        let count = Self.number("AGREE_SEEDS") ?? 12
        let begin = ContinuousClock.now
        defer {
            let seconds = (ContinuousClock.now - begin) / .seconds(1)
            let rate = (Double(count) / max(seconds, 0.001)).formatted(.number.precision(.fractionLength(1)))
            print("\(count) seeds from \(first) on, \(rate) a second")
        }
        for seed in first..<first + count {
            let plan = PlanGenerator.plan(seed: seed)
            guard let difference = Agreement(plan: plan).difference() else { continue }
            let shrunk = Shrinker(plan, difference)
            Issue.record("\(shrunk.difference)\n\(shrunk.plan)\nTo repeat: AGREE_FROM=\(seed) AGREE_SEEDS=1")
        }
    }

    @Test func `a seed gives the same plan each time, and the seeds cover all kinds of steps`() {
        #expect("\(PlanGenerator.plan(seed: 7))" == "\(PlanGenerator.plan(seed: 7))")
        let drawn = Set((0..<300).flatMap { PlanGenerator.plan(seed: $0).steps.map(\.op) })
        #expect(drawn == Set(Step.Operator.allCases))
    }
}
