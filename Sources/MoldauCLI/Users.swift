import ArgumentParser
import MoldauBroker
import MoldauClusterEmbedded
import MoldauLog
import MoldauServer

/// `moldau users`: who can log in to the broker.
struct Users: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Adds, removes and lists the users that can log in to the broker.",
        discussion: """
            One process at a time works on a data directory: stop the broker first. While it runs, change users \
            as a client, with Kafka's 'kafka-configs --entity-type users'.
            """,
        subcommands: [UsersAdd.self, UsersRemove.self, UsersList.self])
}

extension DataDirectory {
    /// Opens the broker, runs `body` with its users, and closes it again.
    func withUsers(orCreate: Bool = false, _ body: (UserDirectory) throws -> Void) throws {
        let directory = try brokerDirectory(orCreate: orCreate)
        do {
            let cluster = try EmbeddedCluster(directory: directory)
            defer { try? cluster.close() }
            try body(cluster.users)
        } catch let error as LogError {
            throw CommandFailure("\(error)")
        } catch let error as SecurityError {
            throw CommandFailure("\(error)")
        }
    }
}
