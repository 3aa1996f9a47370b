import Dispatch
import Foundation
import Logging
import Moldau
import MoldauClusterKafka
import MoldauServer
import Testing

/// Random topologies over the wire: on our own server, or on the brokers that `AGREE_SERVERS` names, whose topics with
/// names of the plans' topics are deleted. `AGREE_SEEDS` and `AGREE_FROM` as in `AgreementTests`.
struct WireAgreementTests {
    private static func environment(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }

    @Test func `over the wire, a topology gives the same results as under the test driver`() async throws {
        let first = Self.environment("AGREE_FROM").flatMap { UInt64($0) } ?? 1
        let count = Self.environment("AGREE_SEEDS").flatMap { UInt64($0) } ?? 4
        for seed in first..<first + count {
            let agreement = Agreement(plan: PlanGenerator.plan(seed: seed))
            let difference = try await withCluster { agreement.difference(over: $0) }
            if let difference { Issue.record("\(difference)\n\(agreement.plan)") }
        }
    }

    /// Runs `body` with a cluster without topics of plans, on a thread that it may block.
    private func withCluster(_ body: @escaping @Sendable (any Cluster) -> String?) async throws -> String? {
        if let servers = Self.environment("AGREE_SERVERS") {
            return try await blocking {
                let cluster = try KafkaCluster(servers)
                try Self.clear(cluster)
                return body(cluster)
            }
        }
        // The server's waits need a clock that advances.
        let own = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var options = ServerOptions()
        options.stopTimeout = .milliseconds(100)
        options.cutsLastBatch = true
        let server = try BrokerServer(of: own, listening: [.localhost(0)], options: options, logger: quiet)
        let address = try await server.start()[0]
        let outcome = try await blocking { body(try KafkaCluster("127.0.0.1:\(address.port)")) }
        await server.stop()
        try await own.close()
        return outcome
    }

    private func blocking(_ body: @escaping @Sendable () throws -> String?) async throws -> String? {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "agreement").async { continuation.resume(with: Result(catching: body)) }
        }
    }

    private static func clear(_ cluster: any Cluster) throws {
        let admin = try cluster.makeAdmin()
        defer { admin.close() }
        func left() throws -> [String] {
            try admin.topics().map(\.name).filter { name in
                ["in-", "out-", "app-"].contains { name.hasPrefix($0) }
            }
        }
        try admin.delete(left())
        while try !left().isEmpty { usleep(20_000) }
    }
}
