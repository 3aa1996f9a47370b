import MoldauRecords
import MoldauTopology

extension KStream {
    /// Calls `look` on each record and forwards it unchanged.
    ///
    /// ```swift
    /// let pages = clicks.peek { user, page in notes.add("\(user) looks at \(page)") }
    /// // clicks: ada=/home
    /// // pages: ada=/home
    /// // notes: ada looks at /home
    /// ```
    @inlinable public func peek(
        named name: String? = nil, _ look: @escaping @Sendable (Key, Value) throws -> Void
    ) -> KStream<Key, Value> {
        adding(.peek, named: name, prefix: "KSTREAM-PEEK-") { context in
            let forward = try context.next(Key.self, Value.self).receiveParts
            return Inlet(parts: { key, value, timestamp, headers in
                do { try look(key, value) } catch { return try context.failed(error) }
                try forward(key, value, timestamp, headers)
            })
        }
    }

    /// Calls `body` on each record; the stream ends there.
    ///
    /// ```swift
    /// clicks.forEach { user, page in notes.add("\(user) looks at \(page)") }
    /// // clicks: ada=/home
    /// // notes: ada looks at /home
    /// ```
    @inlinable public func forEach(
        named name: String? = nil, _ body: @escaping @Sendable (Key, Value) throws -> Void
    ) {
        ending(named: name, prefix: "KSTREAM-FOREACH-", body)
    }

    /// Prints `[label]: key, value` for each record; the stream ends there.
    ///
    /// ```swift
    /// clicks.print(label: "click") { line in notes.add(line) }
    /// // clicks: ada=/home
    /// // notes: [click]: ada, /home
    /// ```
    /// - Parameters:
    ///   - label: nil for the name of the node upstream.
    ///   - write: receives each line; prints to standard output by default.
    ///   - given: the operator's name in descriptions and metrics; nil generates one.
    public func print(
        named given: String? = nil, label: String? = nil,
        to write: @escaping @Sendable (String) -> Void = { Swift.print($0) }
    ) {
        let label = label ?? name
        ending(named: given, prefix: "KSTREAM-PRINTER-") { key, value in write("[\(label)]: \(key), \(value)") }
    }

    @usableFromInline func ending(
        named name: String?, prefix: String, _ body: @escaping @Sendable (Key, Value) throws -> Void
    ) {
        let _: KStream<Key, Value> = adding(.forEach, named: name, prefix: prefix) { context in
            Inlet(parts: { key, value, _, _ in do { try body(key, value) } catch { try context.failed(error) } })
        }
    }
}
