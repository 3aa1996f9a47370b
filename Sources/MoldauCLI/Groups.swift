import ArgumentParser

/// `moldau groups`: those who read topics together, and how far they are.
struct Groups: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists, describes and deletes groups, and moves their offsets.",
        discussion: "An application's group has the name of its id.",
        subcommands: [GroupsList.self, GroupsDescribe.self, GroupsDelete.self, GroupsResetOffsets.self])
}
