import ArgumentParser
import Foundation
import MoldauCluster

/// The `--data` option: the broker's data directory. An application keeps its topics in `topics` below its data
/// directory; the broker's own directory is accepted as well.
struct DataDirectory: ParsableArguments {
    @Option(
        name: .customLong("data"),
        help: "The data directory: the one given to '.embedded(at:)' or 'EmbeddedCluster(directory:)'.")
    var path: String

    /// - Parameter path: the value of `--data`.
    init(path: String) { self.path = path }

    init() {}

    /// The broker's directory, even if the list of topics in it cannot be read.
    /// - Throws: `CommandFailure` if it does not exist.
    func existingBrokerDirectory() throws -> String {
        let candidates = ["\(path)/topics", path]
        guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw CommandFailure("there is no directory '\(path)'; give an application's data directory")
        }
        return found
    }

    /// The broker's directory.
    /// - Throws: `CommandFailure` if it does not exist and is not to be created, or is not a broker's.
    func brokerDirectory(orCreate: Bool) throws -> String {
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue {
            throw CommandFailure("'\(path)' is a file; --data takes an application's data directory")
        }
        let candidates = ["\(path)/topics", path]
        if let found = try candidates.first(where: Self.holdsTopics) { return found }
        if orCreate { return candidates[0] }
        guard try Self.isThere(path) else {
            throw CommandFailure(
                "there is no directory '\(path)'; give an application's data directory, or make one with "
                    + "'moldau topics create <topic> --data \(path)'")
        }
        throw CommandFailure(
            "'\(path)' holds no topics (neither itself nor in 'topics'); give an application's "
                + "data directory, or create a topic in it with 'moldau topics create <topic> --data \(path)'")
    }

    /// Whether a broker, this one or a Kafka broker, keeps its topics in the directory: it contains a marker file of a
    /// broker, or partition directories.
    private static func holdsTopics(_ path: String) throws -> Bool {
        if try isThere("\(path)/topics.json") || isThere("\(path)/meta.properties") { return true }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return try names.contains { name in
            guard name.wholeMatch(of: /.+-\d+/) != nil else { return false }
            return try isThere("\(path)/\(name)/partition.metadata")
                || isThere("\(path)/\(name)/00000000000000000000.log")
        }
    }

    /// - Throws: `CommandFailure` if the path cannot be checked: one without access permission does not count as
    ///   missing.
    private static func isThere(_ path: String) throws -> Bool {
        if access(path, F_OK) == 0 { return true }
        if errno == ENOENT { return false }
        throw CommandFailure("'\(path)' cannot be accessed: \(String(cString: strerror(errno)))")
    }
}

/// A sentence that says what went wrong and what to do.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// The argument of an option that takes `name=text`.
struct NamedText {
    let name: String
    let text: String

    init(name: String, text: String) { (self.name, self.text) = (name, text) }

    init(_ argument: String, option: String) throws {
        guard let mark = argument.firstIndex(of: "="), mark > argument.startIndex else {
            throw CommandFailure("\(option) takes name=value, not '\(argument)'")
        }
        name = String(argument[..<mark])
        text = String(argument[argument.index(after: mark)...])
    }
}

/// - Throws: `CommandFailure` if only the cluster itself may change the topic.
func refuseClusterTopic(_ name: String) throws {
    guard ["__consumer_offsets", "__transaction_state"].contains(name) else { return }
    throw CommandFailure(
        "'\(name)' holds the cluster's own records, the positions of groups or the state of transactions: only the "
            + "cluster writes it, and nobody deletes it")
}

extension Admin {
    /// Looks up a topic by name.
    /// - Parameter isChanged: whether the command writes or deletes the topic; the cluster's own topics are refused
    ///   then.
    /// - Throws: `CommandFailure` that lists the existing topics.
    func requireTopic(_ name: String, toChange isChanged: Bool = false) throws -> TopicDescription {
        if isChanged { try refuseClusterTopic(name) }
        if let found = try describe([name])[name] { return found }
        let names = try topics().map(\.name)
        throw CommandFailure(
            names.isEmpty
                ? "there is no topic '\(name)', nor any other; create it with 'moldau topics create'"
                : "there is no topic '\(name)'; there are: \(names.joined(separator: ", "))")
    }
}
