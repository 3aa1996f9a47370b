extension Sequence {
    /// The elements in ascending order of their keys; those with equal keys keep their order.
    ///
    /// Compiled once, not specialized for each element type: copies of the standard library's sort at every call would
    /// take a tenth of the engine's build time. It is slower than `sorted(by:)` and allocates more, so code that runs
    /// at every commit uses that instead.
    @inline(never)
    @_semantics("optimize.sil.specialize.generic.never")
    package func sorted<Key: Comparable>(on key: (Element) -> Key) -> [Element] {
        sorted { key($0) < key($1) }
    }
}
