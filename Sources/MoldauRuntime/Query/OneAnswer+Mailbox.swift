import MoldauRecords

extension OneAnswer {
    /// Runs some work on the thread, at the start of each round, until that returns something or the task that waits
    /// was cancelled.
    /// - Throws: what `work` throws; `ThreadMailboxError`; `CancellationError`.
    func get(
        from mailbox: ThreadMailbox, untilDone work: @escaping @Sendable (ThreadContents) throws -> Value?
    ) async throws -> Value {
        try Task.checkCancellation()
        mailbox.post(
            untilDone: { contents in
                if self.isOver { throw CancellationError() }
                return try work(contents)
            }, completion: { self.give($0) })
        return try await get()
    }
}
