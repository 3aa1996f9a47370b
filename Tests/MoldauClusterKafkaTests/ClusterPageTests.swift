import Foundation
import Moldau
import MoldauClusterKafka
import ProgramSupport
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
    @Test func `the examples of the page are compiled here`() throws {
        let examples = try PageExamples(page: "Cluster.md", marked: "cluster")
        for line in examples.lines { #expect(examples.compiled.contains(line)) }
        #expect(examples.lines.count == 13)
    }
}
