import ArgumentParser
import Foundation
import Logging
import Moldau
import MoldauClusterKafka
import Signals

/// `cluster-worker`: a process of an application that shares its work with others, for tests that start, stop and kill
/// some of them. Prints its states and its tasks as they change, one a line.
@main
struct ClusterWorker: ParsableCommand {
    @Option var servers: String
    @Option var program = WorkerProgram.words
    @Option var state: String?
    @Option var threads = 1
    @Option var standbys = 0
    @Flag var exactlyOnce = false
    @Option var instance: String?
    @Option var host: String?
    /// The interval of heartbeats, in milliseconds.
    @Option var heartbeat = 100
    /// The session's timeout, in milliseconds.
    @Option var session = 6_000

    func run() throws {
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var configuration = StreamsConfiguration()
        configuration.streamThreads = threads
        configuration.standbys = standbys
        configuration.guarantee = exactlyOnce ? .exactlyOnce : .atLeastOnce
        configuration.applicationServer = host
        configuration.transactionTimeout = .seconds(5)
        var options = KafkaOptions()
        options.instanceID = instance
        options.heartbeatInterval = .milliseconds(heartbeat)
        options.sessionTimeout = .milliseconds(session)
        let app = StreamsApplication(
            id: program.rawValue, topology: try program.topology(),
            cluster: .kafka(servers, stateDirectory: state, options: options), configuration: configuration)
        try app.start()
        let interruption = Interruption()
        var told = ""
        while !interruption.hasCome, app.state == .running || app.state == .rebalancing {
            let tasks = app.threads.flatMap(\.tasks).map(\.description).sorted().joined(separator: " ")
            let standbys = app.threads.flatMap(\.standbys).map(\.description).sorted().joined(separator: " ")
            let hosts = app.hosts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.count)" }.joined(
                separator: ",")
            let line = "\(app.state): \(tasks); standbys: \(standbys); hosts: \(hosts)"
            if line != told { print(line) }
            told = line
            fflush(nil)
            Thread.sleep(forTimeInterval: 0.01)
        }
        try app.stop()
    }
}
