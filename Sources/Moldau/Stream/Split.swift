import MoldauRecords
import MoldauTopology

extension KStream {
    /// Begins to split the stream: each record goes to the first branch whose predicate it satisfies.
    ///
    /// ```swift
    /// let (large, middle, small) = orders.split(named: "orders-")
    ///     .branch("large") { _, order in order.amount > 100 }
    ///     .branch("middle") { _, order in order.amount > 10 }
    ///     .defaultBranch("small")
    /// // orders: o1=ada 120, o2=bob 30, o3=bob 5
    /// // large: o1=ada 120
    /// // middle: o2=bob 30
    /// // small: o3=bob 5
    /// ```
    public func split(named given: String? = nil) -> BranchedKStream<Key, Value> {
        BranchedKStream(splitting(named: given))
    }

    /// Splits the stream in two: the records that satisfy `isIncluded`, and all others.
    ///
    /// ```swift
    /// let (large, small) = orders.split { _, order in order.amount > 100 }
    /// // orders: o1=ada 120, o2=bob 30
    /// // large: o1=ada 120
    /// // small: o2=bob 30
    /// ```
    public func split(
        named name: String? = nil, where isIncluded: @escaping @Sendable (Key, Value) throws -> Bool
    ) -> (matching: KStream, others: KStream) {
        let splitting = splitting(named: name)
        return (splitting.branch(where: isIncluded), splitting.defaultBranch())
    }

    package func splitting(named given: String?) -> Splitting<Key, Value> {
        Splitting(self, name: builder.name(given, "KSTREAM-BRANCH-"))
    }
}

/// A stream that is being split; ended by `defaultBranch` or `noDefaultBranch`, which give the branches in their order. `Branch` is
/// the stream of each branch so far.
public struct BranchedKStream<Key, Value, each Branch> {
    private let splitting: Splitting<Key, Value>
    private let branches: (repeat each Branch)

    fileprivate init(_ splitting: Splitting<Key, Value>, _ branches: repeat each Branch) {
        self.splitting = splitting
        self.branches = (repeat each branches)
    }

    /// Adds a branch for the records that satisfy `isIncluded` and no predicate before it.
    ///
    /// ```swift
    /// let (_, second) = orders.split(named: "orders-")
    ///     .branch { _, order in order.amount > 100 }
    ///     .branch { _, order in order.amount > 10 }
    ///     .noDefaultBranch()
    /// // orders: o1=ada 120, o2=bob 30, o3=bob 5
    /// // second: o2=bob 30
    /// ```
    /// - Parameter suffix: the branch is named for the split with this added; by default the branch's number, from 1.
    public func branch(
        _ suffix: String? = nil, where isIncluded: @escaping @Sendable (Key, Value) throws -> Bool
    ) -> BranchedKStream<Key, Value, repeat each Branch, KStream<Key, Value>> {
        BranchedKStream<Key, Value, repeat each Branch, KStream<Key, Value>>(
            splitting, repeat each branches, splitting.branch(suffix, where: isIncluded))
    }

    /// Adds a branch for all other records, and ends the split.
    ///
    /// ```swift
    /// let (large, others) = orders.split().branch { _, order in order.amount > 100 }.defaultBranch()
    /// // orders: o1=ada 120, o2=bob 30
    /// // large: o1=ada 120
    /// // others: o2=bob 30
    /// ```
    /// - Returns: the stream of each branch, the default one last.
    @discardableResult
    public func defaultBranch(_ suffix: String? = nil) -> (repeat each Branch, KStream<Key, Value>) {
        (repeat each branches, splitting.defaultBranch(suffix))
    }

    /// Drops all other records (counted), and ends the split.
    ///
    /// ```swift
    /// let large = orders.split(named: "orders-").branch("large") { _, order in order.amount > 100 }
    ///     .noDefaultBranch()
    /// // orders: o1=ada 120, o2=bob 30
    /// // large: o1=ada 120
    /// ```
    /// - Returns: the stream of each branch.
    @discardableResult
    public func noDefaultBranch() -> (repeat each Branch) { branches }
}
