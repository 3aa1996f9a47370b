import Foundation
import Logging
import MoldauBroker
import MoldauClusterEmbedded
import MoldauLog
import MoldauRecords
import MoldauServer
import Synchronization
import Testing

/// `FLOWS=FOLDER swift test --filter RecordedFlows` reads another folder of recordings.
@Suite struct RecordedFlows {
    @Test func `recorded client conversations get the real broker's answers`() async throws {
        let only = ProcessInfo.processInfo.environment["FLOW"]
        let flows = try Flow.all().filter { only.map($0.name.contains) ?? true }
        try #require(!flows.isEmpty)
        let differences = await withTaskGroup(of: (String, [String]).self) { group in
            var results: [String: [String]] = [:]
            var left = flows[...]
            for _ in 0..<8 {
                if let flow = left.popFirst() { group.addTask { (flow.name, await replay(flow)) } }
            }
            while let (name, found) = await group.next() {
                results[name] = found
                if let flow = left.popFirst() { group.addTask { (flow.name, await replay(flow)) } }
            }
            return results
        }
        for (name, found) in differences.sorted(by: { $0.key < $1.key }) where !found.isEmpty {
            print("FAILED \(name)")
            for line in found.prefix(12) { print("    \(line)") }
        }
        let failed = differences.values.filter { !$0.isEmpty }.count
        print("flows: \(differences.count - failed) passed, \(failed) failed")
        #expect(failed == 0)
    }

    /// Replays a flow on a thread of its own: its calls block.
    private func replay(_ flow: Flow) async -> [String] {
        do {
            let setup = try FlowSetup(flow)
            var settings = GroupSettings()
            settings.initialRebalanceDelay = .milliseconds(300)
            settings.sessionTimeouts = .seconds(1)...(.seconds(1_800))
            settings.offsetsPartitionCount = 4
            let broker = try Broker(
                MemoryFileSystem(), directory: "memory", durability: .os, clock: EmbeddedCluster.systemClock,
                uptime: EmbeddedCluster.systemUptime, groupSettings: settings)
            try setup.make(in: broker)
            var options = ServerOptions()
            options.createsTopics = setup.createsTopics
            let server = try BrokerServer(
                of: EmbeddedCluster(broker), listening: [.localhost(0)], options: options,
                logger: Logger(label: "flow") { _ in SwiftLogNoOpLogHandler() })
            let address = try await server.start()[0]
            let upkeep = Task {
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(500))
                    try? broker.abortExpired()
                }
            }
            defer { upkeep.cancel() }
            let differences = await withCheckedContinuation { continuation in
                let thread = Thread {
                    let replay = FlowReplay(flow, port: address.port) { try? broker.abortExpired() }
                    replay.run()
                    continuation.resume(returning: replay.differences)
                }
                thread.stackSize = 8 << 20
                thread.start()
            }
            await server.stop()
            return differences
        } catch {
            return ["\(flow.name): \(error)"]
        }
    }
}
