// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.
// swift-format-ignore-file

import Foundation
import Logging
import Moldau
import MoldauClient
import MoldauClusterKafka
import MoldauServer
import MoldauServiceLifecycle
import MoldauTesting
import Testing
import Tracing

struct MoldauServerExamples {
    func `MoldauServer: BrokerServer`() async throws {
        let cluster = try await EmbeddedCluster(directory: "data/topics")
        let server = try BrokerServer(of: cluster, listening: [.localhost(9092)])
        try await server.run()
        _ = cluster
        _ = server
    }

    func `MoldauServer: embedded`(topology: Topology) throws {
        let app = StreamsApplication(
            id: "word-count", topology: topology, cluster: .embedded(at: "data", listening: .localhost(9092)))
        _ = app
    }
}
