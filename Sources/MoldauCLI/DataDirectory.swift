import ArgumentParser
import Foundation
import MoldauCluster
import MoldauClusterEmbedded
import MoldauLog

/// Where the broker's data lie. An application keeps its topics below `topics` there; the broker's own directory is
/// taken as well.
struct DataDirectory: ParsableArguments {
    @Option(name: .customLong("data"), help: "The data directory: what the application gives to '.embedded(at:)'.")
    var path: String

    /// Opens the broker, runs `body`, and closes the broker again.
    /// - Parameter orCreate: makes the directory where there is none.
    /// - Throws: `CommandFailure` where the directory is not there, is no broker's, or is in use.
    func withCluster(orCreate: Bool = false, _ body: (any Cluster) throws -> Void) throws {
        let directory = try brokerDirectory(orCreate: orCreate)
        let cluster: EmbeddedCluster
        do throws(LogError) {
            cluster = try EmbeddedCluster(directory: directory)
        } catch {
            throw CommandFailure("\(error)")
        }
        do {
            try body(cluster)
        } catch {
            try? cluster.close()
            if let refusal = error as? ClusterError { throw CommandFailure("\(refusal)") }
            throw error
        }
        try cluster.close()
    }

    /// The broker's directory, whether or not the list of topics in it can be read.
    /// - Throws: `CommandFailure` where there is none.
    func existingBrokerDirectory() throws -> String {
        let candidates = ["\(path)/topics", path]
        guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw CommandFailure("there is no directory '\(path)'; give an application's data directory")
        }
        return found
    }

    private func brokerDirectory(orCreate: Bool) throws -> String {
        let candidates = ["\(path)/topics", path]
        if let found = candidates.first(where: { FileManager.default.fileExists(atPath: "\($0)/topics.json") }) {
            return found
        }
        if orCreate {
            do {
                try FileManager.default.createDirectory(atPath: candidates[0], withIntermediateDirectories: true)
            } catch {
                throw CommandFailure("the directory '\(candidates[0])' cannot be made: \(error.localizedDescription)")
            }
            return candidates[0]
        }
        guard FileManager.default.fileExists(atPath: path) else {
            throw CommandFailure(
                "there is no directory '\(path)'; give an application's data directory, or make one with "
                    + "'moldau topics create <topic> --data \(path)'")
        }
        throw CommandFailure(
            "'\(path)' holds no topics (neither topics/topics.json nor topics.json is there); give an application's "
                + "data directory, or create a topic in it with 'moldau topics create <topic> --data \(path)'")
    }
}

/// A sentence that says what went wrong and what to do.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// `name=text`, as options take it.
struct NamedText {
    let name: String
    let text: String

    init(_ argument: String, option: String) throws {
        guard let mark = argument.firstIndex(of: "="), mark > argument.startIndex else {
            throw CommandFailure("\(option) takes name=value, not '\(argument)'")
        }
        name = String(argument[..<mark])
        text = String(argument[argument.index(after: mark)...])
    }
}

extension Admin {
    /// The topic of that name.
    /// - Throws: `CommandFailure` with the topics that there are.
    func requireTopic(_ name: String) throws -> TopicDescription {
        if let found = try describe([name])[name] { return found }
        let names = try topics().map(\.name)
        throw CommandFailure(
            names.isEmpty
                ? "there is no topic '\(name)', nor any other; create it with 'moldau topics create'"
                : "there is no topic '\(name)'; there are: \(names.joined(separator: ", "))")
    }
}
