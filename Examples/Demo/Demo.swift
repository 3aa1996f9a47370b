import ArgumentParser
import ExampleSupport
import Foundation
import Logging
import Moldau
import MoldauConsole
import MoldauServiceLifecycle
import UnixSignals

/// `demo`: an application with a made-up stream, to look at in a browser.
@main
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Runs an application with a made-up stream of sales, and shows it in a browser.",
        discussion: "Control-C ends it. Without --data nothing is kept.")

    @Option(name: .customLong("console"), help: "The port of the console on this machine; 0 takes a free one.")
    var port = 8_080

    @Option(help: "A directory that keeps topics and state; without it a temporary one, removed at the end.")
    var data: String?

    @OptionGroup var engine: EngineOptions

    func validate() throws {
        guard 0...65_535 ~= port else { throw ValidationError("--console is a port, 0 to 65535, not \(port)") }
    }

    func run() async throws {
        EngineOptions.quieten()
        let directory = try WorkingDirectory(data, of: "moldau-demo")
        defer { directory.removeIfTemporary() }
        let cluster = try await EmbeddedCluster(
            directory: directory.topics, durability: engine.durability(keepsData: data != nil))
        let stream = try DemoStream(cluster)
        let app = StreamsApplication(
            id: DemoTopology.id, topology: try DemoTopology.make(),
            cluster: .cluster(cluster, stateDirectory: directory.state), configuration: engine.configuration)
        let console = StreamsConsole(app, at: .localhost(port)) { url in
            print("Open \(url) in a browser. Control-C ends it.")
            fflush(nil)
        }
        let group = ServiceGroup(
            services: [app, console], gracefulShutdownSignals: [.sigint, .sigterm], logger: Logger(label: "demo"))
        let feeder = Thread {
            do { try stream.run() } catch { FileHandle.standardError.write(Data("the stream ended: \(error)\n".utf8)) }
        }
        feeder.start()
        var failure: (any Error)?
        do { try await group.run() } catch { failure = error }
        stream.stop()
        while !feeder.isFinished { try? await Task.sleep(for: .milliseconds(10)) }
        if let failure { throw failure }
        try await cluster.close()
    }
}
