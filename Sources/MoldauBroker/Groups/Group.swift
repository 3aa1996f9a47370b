/// A group: its members, and what they have committed.
struct Group: Equatable, Sendable {
    var classic: ClassicGroup
    /// The last write of the group: answers about it wait until that is durable. 0 before the first.
    var lastWrite = 0

    init(name: String) { classic = ClassicGroup(name: name) }

    /// Whether it is as a group that does not exist.
    var isNothing: Bool { classic.isNothing }

    /// When to look for what is due.
    var alarm: Duration? { classic.alarm }

    /// Removes what is kept of the group.
    mutating func delete(_ output: inout GroupOutput) throws(GroupError) {
        if isNothing { throw .groupIDNotFound }
        guard classic.state == .empty else { throw .nonEmptyGroup }
        output.records.append(.classicGroup(classic.name, nil))
        self = Group(name: classic.name)
    }
}
