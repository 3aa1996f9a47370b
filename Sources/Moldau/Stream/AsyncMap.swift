import MoldauRecords
import MoldauTopology

extension KStream {
    /// Gives each record a new value that is computed asynchronously: the answer of a service, a row of a remote
    /// database.
    ///
    /// ```swift
    /// @Sendable func lookUp(_ page: String) async throws -> String { page.uppercased() }
    ///
    /// let pages = clicks.mapValuesAsync(maxInFlight: 50, retry: .upTo(3), timeout: .seconds(5)) { page in
    ///     try await lookUp(page)
    /// }
    /// // clicks: ada=/home, bob=/shop
    /// // pages: ada=/HOME, bob=/SHOP
    /// ```
    /// The closures of up to `maxInFlight` records of a task run at the same time. Results are forwarded in the order
    /// in which their records arrived, so downstream nodes see the same as after a plain `mapValues`, stream time
    /// included. While that many records are in flight the task takes no more; other tasks of the thread continue. A
    /// commit waits until all have their results. After a crash a closure may be called again for the same record.
    ///
    /// When the last attempt throws, the error goes to the processing handler, or the record is diverted, in the
    /// record's turn. Cancellation means that the result is no longer needed: the attempt timed out, or the application
    /// is stopping.
    /// - Parameters:
    ///   - maxInFlight: per task; at least 1.
    ///   - timeout: the timeout of one attempt, by the application's clock, checked every 100 ms or more often.
    ///   - retry: how often a failed call is retried.
    ///   - name: the operator's name in descriptions and metrics; nil generates one.
    ///   - transform: returns the new value; calls overlap.
    public func mapValuesAsync<NewValue: Sendable>(
        named name: String? = nil, maxInFlight: Int = 100, retry: AsyncRetry = .never, timeout: Duration = .seconds(30),
        _ transform: @escaping @Sendable (Value) async throws -> NewValue
    ) -> KStream<Key, NewValue> where Key: Sendable, Value: Sendable {
        mapValuesAsync(named: name, maxInFlight: maxInFlight, retry: retry, timeout: timeout) { _, value in
            try await transform(value)
        }
    }

    /// As `mapValuesAsync`, with the key passed too.
    public func mapValuesAsync<NewValue: Sendable>(
        named name: String? = nil, maxInFlight: Int = 100, retry: AsyncRetry = .never, timeout: Duration = .seconds(30),
        _ transform: @escaping @Sendable (Key, Value) async throws -> NewValue
    ) -> KStream<Key, NewValue> where Key: Sendable, Value: Sendable {
        builder.attempt {
            func refuse(_ reason: String) throws {
                throw TopologyError.invalidSetting(name: "mapValuesAsync", reason: reason)
            }
            if maxInFlight < 1 { try refuse("maxInFlight is \(maxInFlight); it must be at least 1") }
            if retry.attempts < 1 { try refuse("retry.attempts is \(retry.attempts); it must be at least 1") }
            if retry.backoff < .zero { try refuse("the backoff is negative") }
            if timeout.milliseconds < 1 { try refuse("the timeout must be at least 1 ms") }
        }
        return adding(
            .mapValuesAsync(maxInFlight: maxInFlight), named: name, prefix: "KSTREAM-MAPVALUES-ASYNC-",
            changesValue: true
        ) { context in
            let calls = AsyncCalls(
                context, maxInFlight: maxInFlight, retry: retry, timeout: timeout,
                forward: try context.nextCounted(Key.self, NewValue.self).receive, transform)
            context.task.add(calls)
            context.task.add(holder: context.node) { [weak calls] in calls?.held }
            context.task.onClose { calls.cancel() }
            return Inlet { record in calls.receive(record) }
        }
    }
}
