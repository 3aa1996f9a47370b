import ArgumentParser
import CMemory
import Foundation
import MoldauClusterEmbedded
import MoldauLog
import MoldauServer
import Signals

/// `moldau broker`: serves the topics of a data directory to Kafka clients.
struct BrokerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker",
        abstract: "Runs a broker that any Kafka client can use.",
        discussion: """
            Prints the addresses that it listens on, and notes them in the file 'listening' of the data directory while \
            it runs. Ends at the first interrupt (Control-C) or SIGTERM, once the requests that it has begun are finished.
            """)

    @OptionGroup var options: BrokerOptions

    func run() async throws {
        // Otherwise hostile clients could make the allocator keep more memory than the server's limits allow.
        moldau_return_memory_soon()
        let read = try options.read()
        guard let path = read.broker.directory else {
            throw CommandFailure("give --data with a directory (or log.dirs as a setting)")
        }
        do {
            let cluster = try await EmbeddedCluster(
                directory: DataDirectory(path: path).brokerDirectory(orCreate: true),
                durability: read.broker.isDurable ? .sync : .os)
            do {
                try await serve(cluster, read)
            } catch {
                try? await cluster.close()
                throw error
            }
            try await cluster.close()
        } catch let error as ServerError {
            throw CommandFailure("\(error)")
        } catch let error as LogError {
            throw CommandFailure("\(error)")
        }
    }

    /// Serves the cluster until the program is told to stop.
    private func serve(_ cluster: EmbeddedCluster, _ read: BrokerOptions.Read) async throws {
        let server = try BrokerServer(of: cluster, listening: read.broker.listeners, options: read.server)
        let (stopped, stop) = AsyncStream.makeStream(of: Void.self)
        let interruption = Interruption { stop.finish() }
        let listening = try await server.start()
        print("listening on \(listening.map(\.description).joined(separator: ", "))")
        fflush(nil)
        for await _ in stopped {}
        withExtendedLifetime(interruption) {}
        await server.stop()
    }
}
