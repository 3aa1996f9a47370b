/// A dropped record: where, why, and because of which error.
@usableFromInline package struct Discard {
    /// Why the record was dropped.
    @usableFromInline package let reason: DropReason
    @usableFromInline package let node: String
    /// The error that user code threw, if it did.
    @usableFromInline package let error: (any Error)?
}

/// Diverts a record if one of certain nodes drops it. Made for each record that reaches those nodes.
///
/// The record is diverted once, after those nodes have finished with it: a node may drop it for some of its windows
/// only.
@usableFromInline package final class Diversion {
    private let nodes: Set<String>
    /// Empty means all reasons.
    private let reasons: Set<DropReason>
    /// The diversion around this one.
    let outer: Diversion?
    private let send: (Discard) throws -> Void
    private var discard: Discard?
    private var isSent = false

    /// - Parameters:
    ///   - nodes: the names of the nodes, and of the stores whose refusals count.
    ///   - reasons: the reasons to divert for; empty for all.
    @usableFromInline package init(
        nodes: Set<String>, reasons: Set<DropReason>, outer: Diversion?, _ send: @escaping (Discard) throws -> Void
    ) {
        (self.nodes, self.reasons, self.outer, self.send) = (nodes, reasons, outer, send)
    }

    /// The innermost diversion that accepts this drop: this one, or one around it.
    func taking(_ reason: DropReason, at node: String) -> Diversion? {
        if nodes.contains(node), reasons.isEmpty || reasons.contains(reason) { return self }
        return outer?.taking(reason, at: node)
    }

    /// Remembers the drop; only the first one is reported.
    func note(_ discard: Discard) { self.discard = self.discard ?? discard }

    /// Diverts the record if it was dropped.
    @usableFromInline package func finish(in task: TaskContext) throws {
        guard let discard, !isSent else { return }
        isSent = true
        let before = task.diversion
        task.diversion = outer
        defer { task.diversion = before }
        try send(discard)
    }
}
