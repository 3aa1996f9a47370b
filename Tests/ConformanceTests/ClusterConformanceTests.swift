import Dispatch
import Foundation
import Logging
import Moldau
import MoldauBroker
import MoldauLog
import MoldauServer
import Testing

/// The cases of `ConformanceTests` as applications on a Kafka cluster: on our own server, the first short case of each
/// area; all of them with `CONFORMANCE_CLUSTER=all`, or on the brokers that `CONFORMANCE_SERVERS` names. Topics there
/// that are named as in the cases are deleted.
struct ClusterConformanceTests {
    private static func environment(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }
    private static var servers: String? { environment("CONFORMANCE_SERVERS") }
    private static var takesAll: Bool { servers != nil || environment("CONFORMANCE_CLUSTER") == "all" }

    /// Guarantees alternate from case to case; if all cases run, each runs with each guarantee.
    @Test(.serialized, arguments: takesAll ? [ProcessingGuarantee.atLeastOnce, .exactlyOnce] : [.atLeastOnce])
    func `every case on a cluster has the results of Kafka Streams`(first: ProcessingGuarantee) async throws {
        let run = ConformanceRun(
            place: ".kafka on \(Self.servers ?? "our own server"), \(first) first",
            casesPerArea: Self.takesAll ? .max : 1, mostInputs: Self.takesAll ? .max : 10)
        let total = try await withServers { address in
            let cluster = try CaseCluster(address)
            return try run.tally { number in
                let guarantee: ProcessingGuarantee =
                    (number % 2 == 0) == (first == .atLeastOnce) ? .atLeastOnce : .exactlyOnce
                return CaseOptions(
                    storeKind: guarantee == .exactlyOnce ? .rocksDB : .inMemory, cluster: cluster,
                    guarantee: guarantee, applicationID: Self.applicationID(number))
            }
        }
        #expect(total.failed == 0)
        #expect(total.unsupported == 0)
        #expect(total.ran > 0)
    }

    /// Each case has an application of its own: three letters and digits.
    private static func applicationID(_ number: Int) -> String {
        "a" + String(1_296 + number % 1_296, radix: 36).suffix(2)
    }

    /// Runs `body` with a cluster, on a thread that it may block.
    private func withServers(_ body: @escaping @Sendable (String) throws -> Tally) async throws -> Tally {
        if let given = Self.servers { return try await blocking { try body(given) } }
        var groups = GroupSettings()
        groups.initialRebalanceDelay = .zero
        let own = EmbeddedCluster(
            try Broker(
                MemoryFileSystem(), directory: "memory", durability: .os, clock: EmbeddedCluster.systemClock,
                groupSettings: groups))
        var options = ServerOptions()
        options.stopTimeout = .milliseconds(100)
        options.cutsLastBatch = true
        let quiet = Logger(label: "conformance") { _ in SwiftLogNoOpLogHandler() }
        let server = try BrokerServer(of: own, listening: [.localhost(0)], options: options, logger: quiet)
        let address = try await server.start()[0]
        do {
            let tally = try await blocking { try body("127.0.0.1:\(address.port)") }
            await server.stop()
            try await own.close()
            return tally
        } catch {
            await server.stop()
            throw error
        }
    }

    private func blocking(_ body: @escaping @Sendable () throws -> Tally) async throws -> Tally {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue(label: "conformance").async { continuation.resume(with: Result(catching: body)) }
        }
    }
}
