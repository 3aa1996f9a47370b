import Foundation
import MoldauClusterEmbedded
import MoldauServer
import MoldauWire
import Testing

@Suite struct ListeningClusterTests {
    @Test func `clients find the broker of an application while it runs`() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "moldau-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let choice = ClusterChoice.embedded(at: directory, listening: .localhost(0))
        let cluster = try EmbeddedCluster(directory: "\(directory)/topics")
        let companion = try #require(try choice.companion?(cluster))
        let line = try String(contentsOfFile: "\(directory)/topics/listening", encoding: .utf8).dropLast()
        let address = try #require(ListenAddress(String(line)))
        #expect(try WireClient(address).call(ApiVersionsRequest(), version: 0).errorCode == .none)
        companion.end()
        #expect(throws: ClientSocket.Failure.self) { try WireClient(address) }
        try cluster.close()
    }
}
