import MoldauBroker
import MoldauRecords

extension Simulation {
    func heal() {
        if disk.hasFailedSync || process == nil || chance.oneIn(2) {
            crash(disk.outage ?? .process)
        } else {
            disk.clearFaults()
        }
        slowUntil = .none
        if scenario.faults.contains(.clockSet) { clock.set(by: -chance.within(60_000...Self.greatestSetMs)) }
        if scenario.workload.isOrderChance { drain() }
        // Twice: closed windows are searched for once a second.
        for _ in 0..<2 where violations.isEmpty {
            clock.advance(ms: 2 * scenario.longestTransactionMs)
            if let process = started() {
                attempt {
                    try process.broker.abortExpired()
                    try feeder.finish(process.cluster)
                }
            }
            drain()
        }
    }

    func drain() {
        var left: [String] = ["nothing started"]
        for round in 0..<2_000 where violations.isEmpty {
            guard let process = started() else { continue }
            clock.advance(ms: scenario.commitsRarely ? 200 : 20)
            keepPromises(process)
            attempt {
                process.pausedTurns = [:]
                for number in process.numbers { try stepThread(number, process) }
                if round % 10 == 9 {
                    // Transactions that no client ends time out, counted from the start.
                    try process.broker.abortExpired()
                    left = try process.isAtRest() ? process.undrained() : ["not all threads run"]
                }
            }
            if left.isEmpty { return }
        }
        if violations.isEmpty { complain("it never comes to rest: \(left.joined(separator: "; "))") }
    }
}
