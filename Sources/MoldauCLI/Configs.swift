import ArgumentParser

/// `moldau configs`: settings of topics, brokers and groups.
struct Configs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Describes and changes settings of topics, brokers and groups.",
        subcommands: [ConfigsDescribe.self, ConfigsAlter.self])
}
