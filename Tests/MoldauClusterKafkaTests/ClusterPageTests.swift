import Foundation
import Moldau
import MoldauClusterKafka
import Testing

/// The examples of Docs/Cluster.md, which has the lines of these functions.
private enum ClusterPage {
    static func run(_ topology: Topology) async throws {
        let app = StreamsApplication(
            id: "word-count", topology: topology,
            cluster: .kafka("broker1:9092,broker2:9092", stateDirectory: "/var/lib/words"))
        try await app.run()
    }

    static func choose(_ password: String) -> ClusterChoice {
        var options = KafkaOptions()
        options.replicationFactor = 3
        options.instanceID = "words-1"
        options.tls = ClientTLS(authorityPath: "/etc/kafka/authority.pem")
        options.logIn = ClientLogIn(.scramSHA512, user: "words", password: password)
        let cluster = ClusterChoice.kafka(
            "broker1:9093,broker2:9093", stateDirectory: "/var/lib/words", options: options)
        return cluster
    }
}

struct ClusterPageTests {
    @Test func `the examples of the page are those that are compiled here`() throws {
        let here = URL(filePath: #filePath)
        let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        func lines(_ url: URL) throws -> [String] {
            try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map {
                $0.trimmingCharacters(in: .whitespaces)
            }
        }
        let compiled = Set(try lines(here))
        var isInside = false
        var count = 0
        for line in try lines(root.appending(path: "Docs/Cluster.md")) {
            if line.hasPrefix("```") {
                isInside = line == "```swift cluster"
            } else if isInside {
                count += 1
                #expect(compiled.contains(line))
            }
        }
        #expect(count == 13)
    }
}
