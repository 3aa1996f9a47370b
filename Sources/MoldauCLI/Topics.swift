import ArgumentParser

/// `moldau topics`: everything about topics except their records.
struct Topics: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists, describes, creates and deletes topics.",
        discussion: "'moldau configs' changes their settings.",
        subcommands: [TopicsList.self, TopicsDescribe.self, TopicsCreate.self, TopicsDelete.self])
}
