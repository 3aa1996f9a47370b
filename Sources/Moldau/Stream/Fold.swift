import MoldauRecords

/// How a record updates an aggregate.
@usableFromInline struct Fold<Key, Value, Result>: Sendable {
    /// The aggregate before the first record; nil if the first value itself becomes the aggregate.
    @usableFromInline let initial: (@Sendable () throws -> Result)?
    @usableFromInline let first: @Sendable (Value) -> Result?
    @usableFromInline let next: @Sendable (Result, Key, Value) throws -> Result?

    @inlinable init(
        initial: (@Sendable () throws -> Result)? = nil, first: @escaping @Sendable (Value) -> Result? = { _ in nil },
        next: @escaping @Sendable (Result, Key, Value) throws -> Result?
    ) {
        self.initial = initial
        self.first = first
        self.next = next
    }

    /// The aggregate after a record; nil for none. `before` is the aggregate that the record was added to.
    @inlinable @inline(__always) func adding(_ key: Key, _ value: Value, to old: Result?) throws -> (
        before: Result?, after: Result?
    ) {
        guard let before = try old ?? initial?() else { return (nil, first(value)) }
        return (before, try next(before, key, value))
    }
}

extension Fold {
    @inlinable static func counting() -> Fold
    where Result: AdditiveArithmetic & ExpressibleByIntegerLiteral & SendableMetatype {
        Fold(initial: { 0 }, next: { count, _, _ in count + 1 })
    }

    /// Updates the aggregate in place.
    @inlinable static func changing(
        _ initial: Result, _ update: @escaping @Sendable (inout Result, Key, Value) throws -> Void
    ) -> Fold where Result: Sendable {
        Fold(initial: { initial }) { result, key, value in
            var result = result
            try update(&result, key, value)
            return result
        }
    }

    /// Combines values pairwise.
    @inlinable static func reducing(
        _ combine: @escaping @Sendable (Result, Value) throws -> Result?, first: @escaping @Sendable (Value) -> Result?
    ) -> Fold { Fold(initial: nil, first: first, next: { result, _, value in try combine(result, value) }) }
}
