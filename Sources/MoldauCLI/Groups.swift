import ArgumentParser

/// `moldau groups`: consumer groups and their offsets.
struct Groups: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists, describes and deletes groups, and moves their offsets.",
        discussion: "An application's group has the name of its id.",
        subcommands: [GroupsList.self, GroupsDescribe.self, GroupsDelete.self, GroupsResetOffsets.self])
}
