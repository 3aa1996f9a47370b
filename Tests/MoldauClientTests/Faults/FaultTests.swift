import Foundation
import MoldauClient
import MoldauRecords
import MoldauServer
import Testing

/// `make client-faults` runs more seeds.
@Suite struct FaultTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seeds = environment["CLIENT_FAULT_SEEDS"].flatMap(UInt64.init) ?? 12
    private static let from = environment["CLIENT_FAULT_FROM"].flatMap(UInt64.init) ?? 1
    private static let workers: UInt64 = 4

    @Test func `records sent through a failing network are stored once and in order, and copied exactly once`()
        async throws
    {
        // A broker per hundred seeds, so that it does not have too many topics.
        var first = Self.from
        while first < Self.from + Self.seeds {
            let last = min(first + 99, Self.from + Self.seeds - 1)
            try await run(first...last)
            first = last + 1
        }
    }

    private func run(_ seeds: ClosedRange<UInt64>) async throws {
        var proxies: [FaultProxy] = []
        for _ in 0..<Self.workers { proxies.append(try await FaultProxy()) }
        let broker = try await TestBroker(
            ServerOptions(), topics: [:], security: .plaintext, users: [:], proxies: proxies.map(\.port))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (worker, proxy) in proxies.enumerated() {
                let upstream = broker.proxied[worker]
                group.addTask {
                    for seed in seeds where seed % Self.workers == UInt64(worker) {
                        proxy.begin(upstream: upstream, seed: seed, faults: 40)
                        let run = FaultyRun(broker, proxy, seed: seed)
                        if seed / Self.workers % 2 == 0 {
                            try await run.appendsOnce()
                        } else {
                            try await run.copiesOnce()
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let done = proxies.map(\.done).reduce(into: [NetworkFault: Int]()) { $0.merge($1, uniquingKeysWith: +) }
        if seeds.count >= 12 {
            for fault in NetworkFault.allCases { #expect(done[fault, default: 0] > 0, "\(fault) has not occurred") }
        }
        for proxy in proxies { try await proxy.close() }
        try await broker.stop()
    }
}
