import Foundation
import Moldau

/// Runs an application with its state in a directory, on a cluster in memory, until it is killed: for tests of who may
/// use the directory.
///
///     state-holder DIR    prints "running", or fails with the reason
@main
enum StateHolder {
    static func main() async throws {
        guard let directory = CommandLine.arguments.dropFirst().first else {
            throw Failure(message: "which directory?")
        }
        let cluster = try EmbeddedCluster(inMemoryWithClock: EmbeddedCluster.systemClock)
        try await cluster.withAdmin { try $0.create([NewTopic("words", partitionCount: 2)]) }
        let topology = try Topology { streams in
            streams.stream(Topic<String, String>("words")).groupByKey()
                .count(as: TableStoreName<String, Int64>("counts")).toStream().forEach { _, _ in }
        }
        var configuration = StreamsConfiguration()
        configuration.onStateChange = { if $1 == .running { FileHandle.standardOutput.write(Data("running\n".utf8)) } }
        let app = StreamsApplication(
            id: "holder", topology: topology, cluster: .cluster(cluster, stateDirectory: directory),
            configuration: configuration)
        try await app.run()
    }
}

private struct Failure: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}
