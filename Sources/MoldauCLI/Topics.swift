import ArgumentParser

/// `moldau topics`: everything about topics but their records.
struct Topics: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists, describes, creates, changes and deletes topics.",
        subcommands: [
            TopicsList.self, TopicsDescribe.self, TopicsCreate.self, TopicsConfigure.self, TopicsDelete.self,
        ])
}
