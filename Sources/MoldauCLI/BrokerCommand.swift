import ArgumentParser
import CMemory
import Foundation
import MoldauClusterEmbedded
import MoldauLog
import MoldauServer
import Signals

/// `moldau broker`: lets Kafka clients use the topics of a data directory.
struct BrokerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker",
        abstract: "Runs a broker that any Kafka client can use.",
        discussion: """
            Prints the addresses that it listens on, and notes them in the file 'listening' of the data directory while \
            it runs. Ends at the first interrupt (Ctrl-C) or SIGTERM, after the requests that have begun.
            """)

    @OptionGroup var data: DataDirectory

    @Option(
        name: .customLong("listen"),
        help: """
            Listen on this ADDRESS:PORT. May be repeated. Port 0 has the system choose one. In front may stand how clients \
            talk to it: PLAINTEXT:// (the default), SSL://, SASL_PLAINTEXT:// or SASL_SSL://. Behind it may stand the \
            advertised address, by which clients reach it: 0.0.0.0:9092=kafka.example.org:19092.
            """)
    var addresses: [String] = ["127.0.0.1:9092"]

    @Option(help: "When records are acknowledged: sync (once they are on disk) or os (once the system has them).")
    var durability = "sync"

    @Option(help: "How many partitions topics have for which nobody says it.")
    var partitions: Int32 = 1

    @Flag(inversion: .prefixedNo, help: "Create topics that clients ask for and that do not exist.")
    var autoCreate = true

    @Flag(
        help: "Allow addresses that other machines can reach without encryption and log-in, and unencrypted passwords.")
    var insecure = false

    @OptionGroup(title: "Security") var security: SecurityOptions

    func validate() throws {
        for address in addresses where ListenAddress(address) == nil {
            throw ValidationError(
                "--listen takes ADDRESS:PORT, such as 127.0.0.1:9092, SASL_SSL://0.0.0.0:9093 or "
                    + "0.0.0.0:9092=kafka.example.org:19092, not '\(address)'")
        }
        if durability != "sync" && durability != "os" { throw ValidationError("--durability takes 'sync' or 'os'") }
        if partitions < 1 { throw ValidationError("--partitions is at least 1") }
    }

    func run() async throws {
        // Otherwise hostile clients make the allocator keep more than the server's limits allow.
        moldau_return_memory_soon()
        var options = ServerOptions()
        options.isInsecure = insecure
        options.createsTopics = autoCreate
        options.defaultPartitions = partitions
        security.fill(&options)
        do {
            let cluster = try EmbeddedCluster(
                directory: data.brokerDirectory(orCreate: true), durability: durability == "os" ? .os : .sync)
            defer { try? cluster.close() }
            let server = try BrokerServer(
                of: cluster, listening: addresses.compactMap(ListenAddress.init), options: options)
            let (stopped, stop) = AsyncStream.makeStream(of: Void.self)
            let interruption = Interruption { stop.finish() }
            let listening = try await server.start()
            print("listening on \(listening.map(\.description).joined(separator: ", "))")
            fflush(nil)
            for await _ in stopped {}
            withExtendedLifetime(interruption) {}
            await server.stop()
            try cluster.close()
        } catch let error as ServerError {
            throw CommandFailure("\(error)")
        } catch let error as LogError {
            throw CommandFailure("\(error)")
        }
    }
}
