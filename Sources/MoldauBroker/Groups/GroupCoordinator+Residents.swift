internal import MoldauRecords

/// Applications in this process: see `Resident`.
extension GroupCoordinator {
    /// Makes an application the only member of a group.
    /// - Returns: its number; nil if the group has members.
    mutating func admit(to name: String) -> Int? {
        guard groups[name]?.isEmpty ?? true else { return nil }
        residentCount += 1
        let resident = Resident(number: residentCount, memberID: makeMemberID(for: name))
        groups[name, default: Group(name: name)].resident = resident
        return residentCount
    }

    /// Removes the application; no-op if it already left.
    mutating func dismiss(_ number: Int, from name: String) {
        guard groups[name]?.resident?.number == number else { return }
        groups[name]?.resident = nil
        if groups[name]?.isNothing == true { groups[name] = nil }
    }

    /// - Parameter worker: nil for a new one.
    /// - Returns: the worker's number; nil if there is no application in the group.
    mutating func note(
        _ partitions: Set<TopicPartition>, of worker: Int?, _ client: String, in name: String
    ) -> Int? {
        guard let resident = groups[name]?.resident else { return nil }
        if let worker, resident.workers[worker] != nil {
            groups[name]?.resident?.workers[worker]?.partitions = partitions
            return worker
        }
        residentCount += 1
        let new = Resident.Worker(memberID: makeMemberID(for: client), client: client, partitions: partitions)
        groups[name]?.resident?.workers[residentCount] = new
        return residentCount
    }

    mutating func forget(_ worker: Int, in name: String) { groups[name]?.resident?.workers[worker] = nil }
}
