/// That a node discarded a record, and why.
public struct Discard {
    public let reason: DropReason
    public let node: String
    /// What user code threw.
    public let error: (any Error)?
}

/// Sends a record aside if one of certain nodes discards it. Made for each record that comes to them.
///
/// The record goes aside once, after those nodes are done with it: a node may discard it for some of its windows only.
public final class Diversion {
    private let nodes: Set<String>
    /// Empty: all.
    private let reasons: Set<DropReason>
    /// What was in force before.
    let outer: Diversion?
    private let send: (Discard) throws -> Void
    private var discard: Discard?
    private var isSent = false

    /// - Parameters:
    ///   - nodes: names of nodes, and of stores whose refusals count.
    ///   - reasons: those that are taken; none: all.
    public init(
        nodes: Set<String>, reasons: Set<DropReason>, outer: Diversion?, _ send: @escaping (Discard) throws -> Void
    ) {
        (self.nodes, self.reasons, self.outer, self.send) = (nodes, reasons, outer, send)
    }

    /// The innermost one that takes this discard: this one, or one around it.
    func taking(_ reason: DropReason, at node: String) -> Diversion? {
        if nodes.contains(node), reasons.isEmpty || reasons.contains(reason) { return self }
        return outer?.taking(reason, at: node)
    }

    /// The first discard is the one that is told.
    func note(_ discard: Discard) { self.discard = self.discard ?? discard }

    /// Sends the record aside if it was discarded.
    public func finish(in task: TaskContext) throws {
        guard let discard, !isSent else { return }
        isSent = true
        let before = task.diversion
        task.diversion = outer
        defer { task.diversion = before }
        try send(discard)
    }
}
