// Asks every stream thread, through its mailbox, for its metrics, and adds up those of the application.

import MoldauCluster
import MoldauRecords
import MoldauState
import MoldauTopology
import Synchronization

extension StreamsEngine {
    /// All measurements, in the order of `Metric.all`.
    /// - Throws: `CancellationError`.
    package func measure() async throws -> Measurements {
        let (threads, silent) = try await askThreads { $0.measure(now: $1) }
        var found = Measurements()
        let (state, loops, plan, failures, rebalances) = inner.withLock { inner in
            (inner.state, inner.loops, inner.plan, inner.failureCount, inner.rebalanceCount)
        }
        for each in StreamsState.allCases { found.add(.state, each == state, each.rawValue) }
        found.add(.aliveThreads, loops.values.filter { $0.mailbox != nil }.count)
        found.add(.failedThreads, failures)
        found.add(.silentThreads, silent.count)
        found.add(.rebalances, rebalances)
        if let usage = memoryUsage {
            found.add(.memoryBudget, usage.budgetBytes)
            found.add(.memoryUsed, usage.blockCacheBytes, "block-cache")
            found.add(.memoryUsed, usage.writeBackBytes, "write-back")
            found.add(.openStores, usage.openStores)
        }
        for thread in threads { found.add(thread.found) }
        let flow = threads.reduce(into: RecordFlow()) { $0.add($1.flow) }
        for node in Explanation.nodes(of: plan?.topology ?? topology, names, flow) {
            found.add(.nodeProcessed, node.recordsIn, node.name)
            found.add(.nodeForwarded, node.recordsOut, node.name)
            for drop in node.drops { found.add(.dropped, drop.count, node.name, drop.reason.rawValue) }
        }
        measureTopics(threads.map(\.sent), &found)
        await measureBroker(&found)
        return found
    }

    /// All metrics in Prometheus' format.
    /// - Throws: `CancellationError`.
    package func prometheus() async throws -> String {
        PrometheusText(application: names.applicationID).render(try await measure().all)
    }

    /// Other clusters have metrics of their own.
    private func measureBroker(_ found: inout Measurements) async {
        guard let cluster = inner.withLock({ $0.cluster }) as? any InProcessCluster else { return }
        let use = await onThread { cluster.use() }
        for (topic, bytes) in use.topicBytes.sorted(on: \.key) { found.add(.topicSize, bytes, topic) }
        found.add(.brokerPartitions, use.partitionCount)
        found.add(.brokerGroups, use.groupCount)
        found.add(.brokerConnections, use.connectionCount)
        found.add(.brokerRequests, use.requestCount)
        found.add(.brokerReceived, use.bytesReceived)
        found.add(.brokerSent, use.bytesSent)
    }

    private func measureTopics(_ sent: [[String: SentRecords]], _ found: inout Measurements) {
        let now = clock().uptime
        for (topic, parts) in Dictionary(grouping: sent.joined(), by: \.key).sorted(on: \.key) {
            found.add(.produced, parts.reduce(0) { $0 + $1.value.records }, topic)
            found.add(.producedBytes, parts.reduce(0) { $0 + $1.value.bytes }, topic)
            let ages = parts.compactMap { $0.value.ages(at: now) }
            found.add(.endToEndLeast, ifKnown: ages.map(\.lowerBound).min(), topic)
            found.add(.endToEndMost, ifKnown: ages.map(\.upperBound).max(), topic)
        }
    }
}
