import ArgumentParser

/// `moldau`: manages the topics and groups of a data directory or of a cluster, and reads and writes records.
@main
struct MoldauCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "moldau",
        abstract: "Manages, writes and reads topics, and looks into running applications.",
        discussion: """
            Works on the data directory of an application (--data), the one given to '.embedded(at:)', or on any cluster \
            of Kafka brokers (--bootstrap-server). One process at a time works on a directory: if that is an application \
            or a broker that listens, commands ask it. 'moldau broker' lets Kafka clients use a directory. 'query', \
            'watch', 'explain' and 'top' ask an application that has a console (--console).
            """,
        subcommands: [
            Topics.self, Configs.self, Produce.self, Consume.self, Groups.self, LagCommand.self, OffsetsCommand.self,
            DeleteRecords.self,
            Transactions.self, Perf.self, MirrorCommand.self, DumpLog.self, Repair.self, BrokerCommand.self, Users.self,
            ConfigCommand.self, QueryCommand.self, WatchCommand.self, ExplainCommand.self, TopCommand.self,
        ])
}
