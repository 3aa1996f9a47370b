import MoldauClusterEmbedded
import MoldauServer
import Testing

@Test func `a server listens on a port that the system chooses`() async throws {
    let server = try BrokerServer(of: EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock), listening: [.localhost(0)])
    let addresses = try await server.start()
    #expect(addresses[0].port != 0)
    await server.stop()
}
