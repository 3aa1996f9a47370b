import ArgumentParser
import ExampleConsole
import ExampleSupport
import Foundation
import Moldau
import Signals

/// `word-count`: counts the words of files, folders or standard input.
@main
struct WordCount: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "word-count",
        abstract: "Counts words, and prints the most frequent ones.",
        discussion: """
            A word is a maximal run of characters that are not white space, in lower case. With --data the topics and \
            the counts are kept: the next run resumes from there, and counts only what it has not seen of each file.
            """)

    @Argument(help: "Files, and folders whose text files are counted; '-' or nothing for standard input.")
    var inputs: [String] = []

    @Option(help: "How many words to print.")
    var top = 20

    @Option(help: "A file for all words and their counts, a line 'word<TAB>count' each, sorted by the words' bytes.")
    var output: String?

    @Option(help: "A directory that keeps topics and counts; without it a temporary one, removed at the end.")
    var data: String?

    @OptionGroup var engine: EngineOptions
    @OptionGroup var console: ConsoleOption

    func validate() throws {
        if top < 0 { throw ValidationError("--top is at least 0") }
    }

    func run() throws {
        EngineOptions.quieten()
        let sources = try InputSource.expand(inputs)
        let directory = try WorkingDirectory(data, of: "word-count")
        defer { directory.removeIfTemporary() }
        let cluster = try EmbeddedCluster(
            directory: directory.topics, durability: engine.durability(keepsData: data != nil))
        let counts = try count(sources, on: cluster, directory)
        try cluster.close()
        if let output { try counts.write(to: output) }
        counts.printTop(top)
        try finishOutput()
    }

    private func count(
        _ sources: [InputSource], on cluster: EmbeddedCluster, _ directory: WorkingDirectory
    ) throws -> WordCounts {
        let topics = try WordCountTopics(cluster, partitionCount: Int32(engine.threads))
        let restores = RestoreReport(isRestart: directory.isRestart)
        var configuration = engine.configuration
        configuration.onRestore = { restores.note($0) }
        configuration.onStateChange = { _, new in restores.note(new) }
        let app = StreamsApplication(
            id: WordCountTopology.id, topology: try WordCountTopology.make(),
            cluster: .cluster(cluster, stateDirectory: directory.state), configuration: configuration)
        let interruption = Interruption()
        let progress = ProgressBar(totalBytes: sources.reduce(0) { $0 + $1.byteCount })
        let shown = try console.show(app)
        defer { shown?.close() }
        try app.start()
        let isAtWork: () -> Bool = { app.state == .rebalancing || app.state == .running }
        do {
            let feeder = try LineFeeder(cluster, topics) { !interruption.hasCome && isAtWork() }
            for source in sources { try feeder.feed(source, progress) }
            try feeder.finish()
            try topics.waitUntilCounted(progress, while: isAtWork)
        } catch {
            progress.clear()
            // If an error ended the application, `stop` throws it: it is the cause.
            try app.stop()
            throw error
        }
        progress.clear()
        if !interruption.hasCome { shown?.stay(while: isAtWork) }
        try app.stop()
        return try WordCounts(readFrom: cluster)
    }
}
