import ArgumentParser

/// `moldau`: inspects the data directory of an embedded broker, and reads and writes its records.
@main
struct MoldauCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "moldau",
        abstract: "Manages, writes and reads the topics of an embedded broker.",
        discussion: """
            Works on the data directory of an application, the one given to '.embedded(at:)'. One process at a time \
            works on a directory: stop the application first. 'moldau broker' lets Kafka clients use a directory.
            """,
        subcommands: [Topics.self, Produce.self, Consume.self, Repair.self, BrokerCommand.self, Users.self])
}
